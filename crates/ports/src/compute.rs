//! What other services may know of compute's servers.

use kernel::{HostName, ProjectId, ServerId};
use store::Snapshot;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    pub id: ServerId,
    pub name: String,
    pub project: ProjectId,
    pub host: Option<HostName>,
}

pub trait Servers: Send + Sync + 'static {
    fn server(&self, snapshot: &Snapshot, id: &ServerId) -> Option<ServerInfo>;
}
