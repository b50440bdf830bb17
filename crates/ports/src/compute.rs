//! What other services may know of compute's servers.

use crate::{IoLimits, VolumeTarget};
use kernel::{HostName, ProjectId, Result, ServerId, Timestamp, VolumeId, ids::RequestId};
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

/// A guest that runs, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningGuest {
    pub host: HostName,
    /// Of what its host was asked for, and has done.
    pub generation: u64,
}

/// That a guest finds a volume somewhere else from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMoved {
    pub server: ServerId,
    pub volume: VolumeId,
    pub to: VolumeTarget,
    /// What the guest may do with it there: it may be of another type now.
    pub limits: IoLimits,
    pub request_id: RequestId,
    pub began: Timestamp,
}

pub trait Servers: Send + Sync + 'static {
    fn server(&self, snapshot: &Snapshot, id: &ServerId) -> Option<ServerInfo>;

    /// Writes it among the server's actions; `Ok` for a server that is gone.
    fn volume_grown(&self, tx: &mut Tx, grown: &VolumeGrown, now: Timestamp) -> Result<()>;

    /// The guest of a server, if volumes can be moved under it. `Conflict`: it does not run; `Unavailable`: something else is being
    /// done to it.
    fn running(&self, snapshot: &Snapshot, id: &ServerId) -> Result<RunningGuest>;

    /// Writes where a volume is for the guest's host from now on, and that among the server's actions. Returns the generation of what
    /// the host is asked for now. `Unavailable`, and nothing is written, if that has changed since `guest` was looked at.
    fn volume_moved(&self, tx: &mut Tx, guest: &RunningGuest, moved: &VolumeMoved, now: Timestamp) -> Result<u64>;
}
