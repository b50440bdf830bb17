use super::state::named;
use kernel::{ProjectId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object};

named! {
    /// How the servers of a group are placed.
    GroupPolicy {
        Affinity = "affinity",
        AntiAffinity = "anti-affinity",
        SoftAffinity = "soft-affinity",
        SoftAntiAffinity = "soft-anti-affinity",
    }
}

impl GroupPolicy {
    pub const fn is_soft(self) -> bool {
        matches!(self, Self::SoftAffinity | Self::SoftAntiAffinity)
    }
}

/// A server group. Its members are the servers that name it; there is no second list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerGroup {
    pub id: String,
    pub name: String,
    pub project: ProjectId,
    pub user: UserId,
    pub policy: GroupPolicy,
    /// Anti-affinity: servers that may share a host; 1 if nothing was said.
    pub max_server_per_host: Option<u32>,
    pub created: Timestamp,
}

impl ServerGroup {
    pub const BY_PROJECT: Index<ServerGroup> = Index::new(0);
}

impl Object for ServerGroup {
    const KIND: &'static str = "compute.server_group";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
    }
}
