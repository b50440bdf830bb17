//! A pool as its host last reported it.

use crate::driver::PoolStats;
use kernel::HostName;
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumePool {
    /// Cinder's name: `host@backend#pool`.
    pub name: String,
    pub host: HostName,
    pub backend: String,
    pub availability_zone: String,
    pub stats: PoolStats,
}

impl VolumePool {
    pub const BY_HOST: Index<VolumePool> = Index::new(0);
}

impl Object for VolumePool {
    const KIND: &'static str = "volume.pool";
    const INDEXES: &'static [&'static str] = &["host"];
    fn key(&self) -> Key {
        self.name.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_HOST, &self.host);
    }
}
