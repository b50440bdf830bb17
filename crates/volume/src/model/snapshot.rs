//! The snapshot record.

use kernel::{ProjectId, SnapshotId, Timestamp, UserId, VolumeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotStatus {
    Creating,
    Available,
    Deleting,
    #[serde(rename = "backing-up")]
    BackingUp,
    Error,
    ErrorDeleting,
}

impl SnapshotStatus {
    const NAMES: &[(Self, &'static str)] = &[
        (Self::Creating, "creating"),
        (Self::Available, "available"),
        (Self::Deleting, "deleting"),
        (Self::BackingUp, "backing-up"),
        (Self::Error, "error"),
        (Self::ErrorDeleting, "error_deleting"),
    ];
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(s, _)| *s == self).map_or("", |(_, name)| name)
    }
    pub fn may_be_deleted(self) -> bool {
        matches!(self, Self::Available | Self::Error | Self::ErrorDeleting)
    }
    /// Whether a flow must be at work.
    pub fn is_transitional(self) -> bool {
        matches!(self, Self::Creating | Self::Deleting | Self::BackingUp)
    }
    pub fn parse(text: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(s, _)| *s)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub volume: VolumeId,
    pub project: ProjectId,
    pub user: UserId,
    pub name: Option<String>,
    pub description: Option<String>,
    pub status: SnapshotStatus,
    pub size_gib: u64,
    #[serde(default)]
    pub group_snapshot: Option<String>,
    /// How far it is, if somebody said so; else what its status implies.
    #[serde(default)]
    pub progress: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Snapshot {
    pub const BY_PROJECT: Index<Snapshot> = Index::new(0);
    pub const BY_VOLUME: Index<Snapshot> = Index::new(1);
    pub const BY_GROUP_SNAPSHOT: Index<Snapshot> = Index::new(2);

    pub fn object(id: &SnapshotId) -> String {
        format!("volume.snapshot/{id}")
    }
}

impl Object for Snapshot {
    const KIND: &'static str = "volume.snapshot";
    const INDEXES: &'static [&'static str] = &["project", "volume", "group_snapshot"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
        sink.add(Self::BY_VOLUME, &self.volume);
        if let Some(of) = &self.group_snapshot {
            sink.add(Self::BY_GROUP_SNAPSHOT, of);
        }
    }
}
