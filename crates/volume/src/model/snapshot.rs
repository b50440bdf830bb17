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
    Error,
    ErrorDeleting,
}

impl SnapshotStatus {
    const NAMES: &[(Self, &'static str)] = &[
        (Self::Creating, "creating"),
        (Self::Available, "available"),
        (Self::Deleting, "deleting"),
        (Self::Error, "error"),
        (Self::ErrorDeleting, "error_deleting"),
    ];
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(s, _)| *s == self).map_or("", |(_, name)| name)
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
    pub metadata: BTreeMap<String, String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Snapshot {
    pub const BY_PROJECT: Index<Snapshot> = Index::new(0);
    pub const BY_VOLUME: Index<Snapshot> = Index::new(1);

    pub fn object(id: &SnapshotId) -> String {
        format!("volume.snapshot/{id}")
    }
}

impl Object for Snapshot {
    const KIND: &'static str = "volume.snapshot";
    const INDEXES: &'static [&'static str] = &["project", "volume"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
        sink.add(Self::BY_VOLUME, &self.volume);
    }
}
