//! What other services may know of compute's servers.

use kernel::{HostName, ProjectId, Result, ServerId, Timestamp, ids::RequestId};
use store::{Snapshot, Tx};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    pub id: ServerId,
    pub name: String,
    pub project: ProjectId,
    pub host: Option<HostName>,
}

/// That a guest was told of the new size of a volume it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeGrown {
    pub server: ServerId,
    pub host: HostName,
    pub request_id: RequestId,
    /// Why it could not be told.
    pub error: Option<String>,
    pub began: Timestamp,
}

pub trait Servers: Send + Sync + 'static {
    fn server(&self, snapshot: &Snapshot, id: &ServerId) -> Option<ServerInfo>;

    /// Writes it among the server's actions; `Ok` for a server that is gone.
    fn volume_grown(&self, tx: &mut Tx, grown: &VolumeGrown, now: Timestamp) -> Result<()>;
}
