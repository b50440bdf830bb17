//! The volume record.

use super::pool::VolumePool;
use kernel::{HostName, ImageId, ProjectId, SnapshotId, Timestamp, UserId, VolumeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeStatus {
    Creating,
    Available,
    Reserved,
    Attaching,
    Detaching,
    InUse,
    Maintenance,
    Deleting,
    Uploading,
    Extending,
    Retyping,
    Reverting,
    BackingUp,
    RestoringBackup,
    Downloading,
    AwaitingTransfer,
    Managing,
    Unmanaging,
    Error,
    #[serde(rename = "error_deleting")]
    ErrorDeleting,
    #[serde(rename = "error_extending")]
    ErrorExtending,
    #[serde(rename = "error_restoring")]
    ErrorRestoring,
    #[serde(rename = "error_managing")]
    ErrorManaging,
    #[serde(rename = "error_unmanaging")]
    ErrorUnmanaging,
    #[serde(rename = "error_backing-up")]
    ErrorBackingUp,
}

impl VolumeStatus {
    const NAMES: &[(Self, &'static str)] = &[
        (Self::Creating, "creating"),
        (Self::Available, "available"),
        (Self::Reserved, "reserved"),
        (Self::Attaching, "attaching"),
        (Self::Detaching, "detaching"),
        (Self::InUse, "in-use"),
        (Self::Maintenance, "maintenance"),
        (Self::Deleting, "deleting"),
        (Self::Uploading, "uploading"),
        (Self::Extending, "extending"),
        (Self::Retyping, "retyping"),
        (Self::Reverting, "reverting"),
        (Self::BackingUp, "backing-up"),
        (Self::RestoringBackup, "restoring-backup"),
        (Self::Downloading, "downloading"),
        (Self::AwaitingTransfer, "awaiting-transfer"),
        (Self::Managing, "managing"),
        (Self::Unmanaging, "unmanaging"),
        (Self::Error, "error"),
        (Self::ErrorDeleting, "error_deleting"),
        (Self::ErrorExtending, "error_extending"),
        (Self::ErrorRestoring, "error_restoring"),
        (Self::ErrorManaging, "error_managing"),
        (Self::ErrorUnmanaging, "error_unmanaging"),
        (Self::ErrorBackingUp, "error_backing-up"),
    ];

    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(s, _)| *s == self).map_or("", |(_, name)| name)
    }
    pub fn parse(text: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(s, _)| *s)
    }
    /// Whether a flow must be at work.
    pub fn is_transitional(self) -> bool {
        matches!(
            self,
            Self::Creating
                | Self::Deleting
                | Self::Uploading
                | Self::Extending
                | Self::Retyping
                | Self::Reverting
                | Self::BackingUp
                | Self::RestoringBackup
                | Self::Downloading
                | Self::Managing
                | Self::Unmanaging
        )
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    pub id: VolumeId,
    pub project: ProjectId,
    pub user: UserId,
    pub name: Option<String>,
    pub description: Option<String>,
    pub status: VolumeStatus,
    pub size_gib: u64,
    pub volume_type: String,
    pub availability_zone: String,
    pub bootable: bool,
    pub multiattach: bool,
    pub read_only: Option<bool>,
    pub metadata: BTreeMap<String, String>,
    /// Properties of the image it was made from, with `image_id` and `image_name`.
    pub image_metadata: BTreeMap<String, String>,
    pub image: Option<ImageId>,
    pub snapshot: Option<SnapshotId>,
    pub source: Option<VolumeId>,
    /// The backup it was made of.
    #[serde(default)]
    pub backup: Option<String>,
    /// Where it is, once a pool was chosen.
    pub pool: Option<String>,
    pub host: Option<HostName>,
    pub backend: Option<String>,
    #[serde(default)]
    pub group: Option<String>,
    /// The key manager's key, if it is encrypted.
    #[serde(default)]
    pub encryption_key: Option<String>,
    /// Where a move to another pool stands, in Cinder's words.
    #[serde(default)]
    pub migration: Option<String>,
    /// Grows with every verb that touches the pool; older holders are refused there.
    pub generation: u64,
    /// Why it is in error, for people.
    pub fault: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Volume {
    pub const BY_PROJECT: Index<Volume> = Index::new(0);
    pub const BY_POOL: Index<Volume> = Index::new(1);
    pub const BY_TYPE: Index<Volume> = Index::new(2);
    pub const BY_GROUP: Index<Volume> = Index::new(3);

    /// Its bytes are in another pool, which it went to on somebody's word.
    pub(crate) fn has_moved_to(&mut self, pool: &VolumePool) {
        (self.pool, self.host, self.backend) =
            (Some(pool.name.clone()), Some(pool.host.clone()), Some(pool.backend.clone()));
        (self.availability_zone, self.migration) = (pool.availability_zone.clone(), Some("success".to_owned()));
    }

    pub fn object(id: &VolumeId) -> String {
        format!("volume.volume/{id}")
    }
}

impl Object for Volume {
    const KIND: &'static str = "volume.volume";
    const INDEXES: &'static [&'static str] = &["project", "pool", "type", "group"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
        if let Some(pool) = &self.pool {
            sink.add(Self::BY_POOL, pool);
        }
        sink.add(Self::BY_TYPE, &self.volume_type);
        if let Some(group) = &self.group {
            sink.add(Self::BY_GROUP, group);
        }
    }
}
