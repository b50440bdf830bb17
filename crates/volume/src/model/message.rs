//! What users are told of a flow that failed.

use kernel::{ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub id: String,
    pub project: ProjectId,
    pub request_id: String,
    pub event: MessageEvent,
    pub resource: MessageResource,
    pub resource_id: String,
    pub created_at: Timestamp,
}

/// What was done, with Cinder's number of it, and what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageEvent {
    Schedule,
    CreateVolume,
    ExtendVolume,
    CopyToImage,
    CreateBackup,
    RestoreBackup,
    CreateSnapshot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum MessageResource {
    Volume,
    #[serde(rename = "VOLUME_SNAPSHOT")]
    Snapshot,
    #[serde(rename = "VOLUME_BACKUP")]
    Backup,
}

impl MessageEvent {
    /// Cinder's action number, detail number and sentences.
    const TABLE: &[(Self, &'static str, &'static str, &'static str, &'static str)] = &[
        (Self::Schedule, "001", "003", "schedule allocate volume", "Could not find any available weighted backend."),
        (Self::CreateVolume, "008", "012", "create volume from backend storage", "Driver failed to create the volume."),
        (Self::ExtendVolume, "007", "010", "extend volume", "Volume Driver failed to extend volume."),
        (Self::CopyToImage, "003", "004", "copy volume to image", "Failed to upload volume to image at backend."),
        (Self::CreateBackup, "013", "020", "create backup", "Backup driver failed to create backup."),
        (Self::RestoreBackup, "015", "026", "restore backup", "Backup driver failed to restore backup."),
        (Self::CreateSnapshot, "009", "013", "create snapshot", "Snapshot failed to create."),
    ];

    fn row(self) -> (&'static str, &'static str, &'static str, &'static str) {
        let row = Self::TABLE.iter().find(|row| row.0 == self);
        row.map_or(("", "", "", ""), |row| (row.1, row.2, row.3, row.4))
    }

    /// `VOLUME_VOLUME_001_002`: the resource, the action, the detail.
    pub(crate) fn id(self, resource: MessageResource) -> String {
        let (action, detail, ..) = self.row();
        format!("VOLUME_{}_{action}_{detail}", resource.as_str())
    }

    pub(crate) fn sentence(self) -> String {
        let (_, _, action, detail) = self.row();
        format!("{action}:{detail}")
    }
}

impl MessageResource {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Volume => "VOLUME",
            Self::Snapshot => "VOLUME_SNAPSHOT",
            Self::Backup => "VOLUME_BACKUP",
        }
    }
}

impl Message {
    pub const BY_PROJECT: Index<Message> = Index::new(0);
}

impl Object for Message {
    const KIND: &'static str = "volume.message";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
    }
}
