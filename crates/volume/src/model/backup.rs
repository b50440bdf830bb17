//! The record of a backup. Its bytes lie on a host, apart from the pool.

use super::Volume;
use crate::driver::BackupPlace;
use kernel::{HostName, ProjectId, SnapshotId, Timestamp, UserId, VolumeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupStatus {
    Creating,
    Available,
    Restoring,
    Deleting,
    Error,
    ErrorDeleting,
}

impl BackupStatus {
    const NAMES: &[(Self, &'static str)] = &[
        (Self::Creating, "creating"),
        (Self::Available, "available"),
        (Self::Restoring, "restoring"),
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
    /// Whether a flow must be at work.
    pub fn is_transitional(self) -> bool {
        matches!(self, Self::Creating | Self::Deleting | Self::Restoring)
    }
}

/// What a volume is besides its bytes, and is again once it was restored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeTraits {
    pub metadata: BTreeMap<String, String>,
    pub image_metadata: BTreeMap<String, String>,
    pub bootable: bool,
}

impl VolumeTraits {
    pub(crate) fn of(volume: &Volume) -> Self {
        let (metadata, image_metadata) = (volume.metadata.clone(), volume.image_metadata.clone());
        Self { metadata, image_metadata, bootable: volume.bootable }
    }

    pub(crate) fn give(&self, volume: &mut Volume) {
        volume.metadata.extend(self.metadata.clone());
        volume.image_metadata.clone_from(&self.image_metadata);
        volume.bootable = self.bootable;
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    pub id: String,
    pub volume: VolumeId,
    pub snapshot: Option<SnapshotId>,
    pub project: ProjectId,
    pub user: UserId,
    pub name: Option<String>,
    pub description: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub status: BackupStatus,
    pub size_gib: u64,
    pub container: String,
    pub object_count: u64,
    /// What it is an increment of.
    pub parent: Option<String>,
    /// The name of its bytes, if it is not its id: two records may be of the same bytes.
    #[serde(default)]
    pub data: Option<String>,
    /// What the volume was besides its bytes.
    #[serde(default)]
    pub of: VolumeTraits,
    /// Where it lies.
    pub host: HostName,
    pub backend: String,
    pub availability_zone: String,
    pub fault: Option<String>,
    /// Its copy of the key of the volume, if that is encrypted.
    #[serde(default)]
    pub encryption_key: Option<String>,
    /// The moment whose bytes it holds.
    pub data_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Backup {
    pub const BY_PROJECT: Index<Backup> = Index::new(0);
    pub const BY_VOLUME: Index<Backup> = Index::new(1);
    pub const BY_PARENT: Index<Backup> = Index::new(2);

    pub fn object(id: &str) -> String {
        format!("volume.backup/{id}")
    }

    pub(crate) fn place(&self) -> BackupPlace {
        let backup = self.data.clone().unwrap_or_else(|| self.id.clone());
        BackupPlace { backup, container: self.container.clone() }
    }
}

impl Object for Backup {
    const KIND: &'static str = "volume.backup";
    const INDEXES: &'static [&'static str] = &["project", "volume", "parent"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
        sink.add(Self::BY_VOLUME, &self.volume);
        if let Some(parent) = &self.parent {
            sink.add(Self::BY_PARENT, parent);
        }
    }
}
