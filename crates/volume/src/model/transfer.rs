//! An offer of a volume to whoever knows the key.

use kernel::{ProjectId, Timestamp, VolumeId};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    pub id: String,
    pub name: Option<String>,
    pub volume: VolumeId,
    /// Who offers.
    pub project: ProjectId,
    pub destination: Option<ProjectId>,
    /// Without the volume's snapshots: they stay with who offers, and the volume can be deleted only after them.
    pub no_snapshots: bool,
    pub accepted: bool,
    /// SHA-256 of salt and key; the key itself is told once.
    pub salt: String,
    pub key_hash: String,
    pub created_at: Timestamp,
}

impl Transfer {
    pub const BY_PROJECT: Index<Transfer> = Index::new(0);
    pub const BY_VOLUME: Index<Transfer> = Index::new(1);
}

impl Object for Transfer {
    const KIND: &'static str = "volume.transfer";
    const INDEXES: &'static [&'static str] = &["project", "volume"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
        sink.add(Self::BY_VOLUME, &self.volume);
    }
}
