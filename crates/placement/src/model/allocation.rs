use super::ProviderId;
use kernel::{ProjectId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Index, IndexSink, Key, Object};

/// Resource class → amount.
pub type Resources = BTreeMap<String, u64>;

/// What one consumer has claimed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    pub consumer: String,
    /// `INSTANCE` for servers; [`Allocation::UNKNOWN`] where no client said.
    pub consumer_type: String,
    pub project: ProjectId,
    pub user: UserId,
    pub generation: u64,
    pub providers: BTreeMap<ProviderId, Resources>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl Allocation {
    pub const UNKNOWN: &'static str = "unknown";
    pub const BY_PROVIDER: Index<Allocation> = Index::new(0);
    pub const BY_PROJECT: Index<Allocation> = Index::new(1);
}

impl Object for Allocation {
    const KIND: &'static str = "placement.allocation";
    const INDEXES: &'static [&'static str] = &["provider", "project"];
    fn key(&self) -> Key {
        self.consumer.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        for provider in self.providers.keys() {
            sink.add(Self::BY_PROVIDER, provider);
        }
        sink.add(Self::BY_PROJECT, &self.project);
    }
}
