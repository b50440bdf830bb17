//! Claiming capacity on a host, inside the transaction that records what uses it.

use kernel::{HostName, ImageId, ProjectId, Result, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Snapshot, Tx};

/// What a server asks of a host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlaceRequest {
    pub consumer: String,
    pub project: ProjectId,
    pub user: String,
    /// Resource class → amount: `VCPU`, `MEMORY_MB`, `DISK_GB`.
    pub resources: BTreeMap<String, u64>,
    pub required_traits: Vec<String>,
    pub forbidden_traits: Vec<String>,
    pub availability_zone: Option<String>,
    /// Only these, if not empty (`host` of the request, evacuation targets).
    pub only_hosts: Vec<HostName>,
    /// Never these (hosts that failed an earlier try).
    pub not_hosts: Vec<HostName>,
    /// Hosts to stay away from, and to stay with (server groups, hints).
    pub different_from: Vec<HostName>,
    pub same_as: Vec<HostName>,
    pub soft: bool,
    /// Where the image is cached already, if known, a host is a little better.
    pub image: Option<ImageId>,
    /// The only candidates: hosts whose agent is there or about to be again; the caller knows which.
    pub expected: Vec<HostName>,
}

/// The decision, already written as an allocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub host: HostName,
    pub availability_zone: String,
}

/// What a host has, as its agent reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    pub host: HostName,
    pub vcpus: u64,
    pub memory_mib: u64,
    pub disk_gib: u64,
    pub traits: Vec<String>,
}

pub trait Placer: Send + Sync + 'static {
    /// Chooses a host by the pure scheduler over the transaction's view and writes the claim. The refusal (`Conflict`, code
    /// `NoValidHost`) says for each host why not.
    fn claim(&self, tx: &mut Tx, request: &PlaceRequest, now: Timestamp) -> Result<Claim>;
    /// Gives all that a consumer has claimed back; `Ok` if it has nothing.
    fn release(&self, tx: &mut Tx, consumer: &ServerId) -> Result<()>;
    /// Records a host's inventory (makes the resource provider if it is new); writes only what changed.
    fn report_inventory(&self, tx: &mut Tx, inventory: &Inventory, now: Timestamp) -> Result<()>;
    /// Records which availability zone a host is in; `Ok` if placement does not know the host (yet).
    fn set_zone(&self, tx: &mut Tx, host: &HostName, zone: &str) -> Result<()>;
    /// Forgets a host that nothing is claimed of; `Conflict` if something is, `Ok` if placement does not know it.
    fn forget_host(&self, tx: &mut Tx, host: &HostName) -> Result<()>;
    /// For every host that does not fit, why: names of hosts are for administrators.
    fn explain(&self, snapshot: &Snapshot, request: &PlaceRequest) -> Vec<(HostName, String)>;
    /// Used per resource class on a host: the sum of claims.
    fn used(&self, snapshot: &Snapshot, host: &HostName) -> BTreeMap<String, u64>;
}
