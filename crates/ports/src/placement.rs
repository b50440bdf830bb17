//! Claiming capacity on a host, inside the transaction that records what uses it.

use crate::{
    cells::{CellFit, GuestTopology, HostCell},
    hosts::Load,
};
use kernel::{HostName, ImageId, ProjectId, Result, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};
use store::{Snapshot, Tx};

/// What a server asks of a host.
#[derive(Clone, Debug, Default)]
pub struct PlaceRequest {
    pub consumer: String,
    pub project: ProjectId,
    pub user: String,
    /// Resource class → amount: `VCPU`, `PCPU`, `MEMORY_MB`, `DISK_GB`.
    pub resources: BTreeMap<String, u64>,
    pub required_traits: Vec<String>,
    pub forbidden_traits: Vec<String>,
    pub availability_zone: Option<String>,
    /// Only these, if not empty (`host` of the request, evacuation targets).
    pub only_hosts: Vec<HostName>,
    /// Never these (hosts that failed an earlier try).
    pub not_hosts: Vec<HostName>,
    /// Nor these, which could not hold it, and why.
    pub unfit: BTreeMap<HostName, String>,
    /// Hosts to stay away from, and to stay with (server groups, hints).
    pub different_from: Vec<HostName>,
    pub same_as: Vec<HostName>,
    pub soft: bool,
    /// What hosts that are to be different, or the same, differ in: `host`, or a label of theirs (`rack`, `room`).
    pub domain: Domain,
    /// Where the image is cached already, if known, a host is a little better.
    pub image: Option<ImageId>,
    /// The flavor's name, and what it asks of the labels of its hosts: key → condition as in Nova's extra specs.
    pub flavor: String,
    pub label_conditions: BTreeMap<String, String>,
    pub image_properties: BTreeMap<String, String>,
    /// What it wants of the host's NUMA cells; `None`: nothing.
    pub topology: Option<GuestTopology>,
    /// Which hosts may be given work at all.
    pub roster: Roster,
}

/// What counts as one place when servers are kept apart or together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Domain {
    #[default]
    Host,
    /// All hosts with the same value of this label.
    Label(String),
}

/// Whether a host may be given work, and how busy it is: asked host by host while a place is sought, because of a thousand
/// hosts a search looks at a few.
#[derive(Clone)]
pub struct Roster(Arc<Ask>);

type Ask = dyn Fn(&Snapshot, &HostName) -> Option<Load> + Send + Sync;

impl Roster {
    pub fn new(ask: impl Fn(&Snapshot, &HostName) -> Option<Load> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// These hosts and no other, all idle.
    pub fn of(hosts: impl IntoIterator<Item = HostName>) -> Self {
        let hosts: BTreeSet<HostName> = hosts.into_iter().collect();
        Self::new(move |_, host| hosts.contains(host).then(Load::default))
    }

    /// `None`: the host is disabled, or its agent is away and not expected back at once.
    pub fn load(&self, view: &Snapshot, host: &HostName) -> Option<Load> {
        (self.0)(view, host)
    }
}

impl Default for Roster {
    fn default() -> Self {
        Self::of([])
    }
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roster")
    }
}

/// The decision, already written as an allocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub host: HostName,
    pub availability_zone: String,
    /// One for each cell that the guest wanted.
    pub cells: Vec<CellFit>,
}

/// What a host has, as its agent reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    pub host: HostName,
    pub vcpus: u64,
    pub memory_mib: u64,
    pub disk_gib: u64,
    pub traits: Vec<String>,
    pub cells: Vec<HostCell>,
}

/// Where a host is and what operators say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    pub zone: String,
    /// From its own configuration (`rack`, `room`, …) and the metadata of its aggregates.
    pub labels: BTreeMap<String, BTreeSet<String>>,
}

pub trait Placer: Send + Sync + 'static {
    /// Chooses a host by the pure scheduler over the transaction's view and writes the claim. The refusal (`Conflict`, code
    /// `NoValidHost`) says for each host why not.
    fn claim(&self, tx: &mut Tx, request: &PlaceRequest, now: Timestamp) -> Result<Claim>;
    /// Gives all that a consumer has claimed back; `Ok` if it has nothing.
    fn release(&self, tx: &mut Tx, consumer: &str) -> Result<()>;
    /// Gives one consumer's claims to another, which has none: a server's to a migration, or back. `Ok` if there are none.
    fn hand_over(&self, tx: &mut Tx, from: &str, to: &str, now: Timestamp) -> Result<()>;
    /// Leaves a consumer no more of what it has claimed than this; `Ok` if it has nothing.
    fn keep(&self, tx: &mut Tx, consumer: &str, resources: &BTreeMap<String, u64>, now: Timestamp) -> Result<()>;
    /// Records a host's inventory (makes the resource provider if it is new); writes only what changed.
    fn report_inventory(&self, tx: &mut Tx, inventory: &Inventory, now: Timestamp) -> Result<()>;
    /// Records a host's zone and labels; `Ok` if placement does not know the host (yet).
    fn set_labels(&self, tx: &mut Tx, host: &HostName, labels: &Labels) -> Result<()>;
    /// Forgets a host that nothing is claimed of; `Conflict` if something is, `Ok` if placement does not know it.
    fn forget_host(&self, tx: &mut Tx, host: &HostName) -> Result<()>;
    /// For every host that does not fit, why, and the smallest change that would make one fit: names of hosts are for
    /// administrators.
    fn explain(&self, snapshot: &Snapshot, request: &PlaceRequest) -> Refusals;
    /// Why a host does not fit, what the consumer has of its resources already aside; `None` if it fits. Nothing is claimed.
    fn misfit(&self, snapshot: &Snapshot, request: &PlaceRequest, host: &HostName) -> Option<Misfit>;
    /// Used per resource class on a host: the sum of claims.
    fn used(&self, snapshot: &Snapshot, host: &HostName) -> BTreeMap<String, u64>;
}

/// Why one host is none for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Nothing but room is missing.
    pub is_full: bool,
    /// In words for administrators.
    pub why: String,
}

/// Why a request found no host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    pub hosts: Vec<(HostName, String)>,
    /// The host that is nearest to fitting, and what would have to be different.
    pub nearest: Option<String>,
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nearest) = &self.nearest {
            write!(f, "{nearest}; ")?;
        }
        match self.hosts.split_last() {
            None => f.write_str("there are no hosts"),
            Some(((host, why), others)) => {
                others.iter().try_for_each(|(host, why)| write!(f, "{host}: {why}; "))?;
                write!(f, "{host}: {why}")
            }
        }
    }
}
