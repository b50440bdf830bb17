//! What passed each port, for monitoring and billing: counted by the devices of hosts, kept so that it never goes back.
//!
//! ```text
//!   device ─read─▶ host's ledger (on its disk) ──"network.counters"──▶ member: live ──every WRITTEN, and at a series' end──▶ store
//!            a device that is made anew goes on where the last ended     │ asked every COUNTED                              │
//!                                                                        └──────────────▶ total(port), total(project) ◀─────┘
//! ```
//!
//! A **series** is what one host counted for one port from its plugging to its unplugging. Its numbers only grow, so whoever
//! hears them twice, late or out of order keeps the largest. It ends with the port's unplugging; the host tells the end until
//! the member says that it is written, then forgets it. A guest that moves begins a series on its new host.
//!
//! Invariants
//! - A total never falls: it is the sum of ended series and of the largest that was heard of each open one.
//! - Nothing is lost when an agent, a member or both die: the device counts on, the ledger is on disk, the end is told again.
//!   With a host that is lost for good goes what it counted since it was last written here.
//! - Measured load is not for the log; what is billed is. So numbers that go on are written seldom.
//! - A port that is gone stays for [`RETIRED`], for an end that is told late; then its sum becomes part of its project's.

mod collect;
mod counters;
mod export;
mod record;

pub use collect::CountTraffic;
pub use counters::PortCounters;
pub use export::{ExportFlows, FlowExport, NetworkExport, Wish};
pub use record::{PortTraffic, ProjectTraffic};

use crate::Network;
use kernel::{HostName, PortId, ProjectId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

/// Between two questions to a host.
const COUNTED: Duration = Duration::from_secs(10);
/// Between two writings of numbers that go on.
const WRITTEN: Duration = Duration::from_secs(300);
/// After which a port that is gone is only its project's.
const RETIRED: Duration = Duration::from_secs(3600);
/// The call to a host, and how long it may take.
const CALL: &str = "network.counters";
const PATIENCE: Duration = Duration::from_secs(5);

/// A host's answer: one series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficReport {
    pub port: PortId,
    pub series: String,
    pub counters: PortCounters,
    pub ended: bool,
}

/// What is asked of a host: it may forget these ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficQuestion {
    #[serde(default)]
    pub written: BTreeSet<(PortId, String)>,
}

/// What this member heard since it began.
#[derive(Default)]
pub struct Heard(Mutex<HeardState>);

#[derive(Default)]
struct HeardState {
    ports: HashMap<PortId, BTreeMap<String, PortCounters>>,
    hosts: BTreeMap<HostName, PortCounters>,
}

impl Heard {
    fn take(&self, host: &HostName, reports: &[TrafficReport]) {
        let mut state = self.0.lock();
        for report in reports {
            let series = record::series_of(host, report);
            let port = state.ports.entry(report.port.clone()).or_default();
            let known = port.remove(&series);
            let newest = known.unwrap_or_default().latest(report.counters);
            if !report.ended {
                port.insert(series, newest);
            }
            let sum = state.hosts.entry(host.clone()).or_default();
            // What was counted before this member listened is no news of it.
            *sum = sum.plus(known.map(|known| newest.since(known)).unwrap_or_default());
        }
        state.ports.retain(|_, series| !series.is_empty());
    }

    /// Of each host since this member began: for `/metrics`, which has a line per host and none per port.
    pub(crate) fn hosts(&self) -> Vec<(HostName, PortCounters)> {
        self.0.lock().hosts.iter().map(|(host, c)| (host.clone(), *c)).collect()
    }
}

/// One port's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortUse {
    pub port_id: PortId,
    pub network_id: kernel::NetworkId,
    pub project_id: ProjectId,
    #[serde(flatten)]
    pub counters: PortCounters,
}

impl PortUse {
    fn of(t: &PortTraffic, heard: &HeardState) -> Self {
        Self {
            port_id: t.port.clone(),
            network_id: t.network.clone(),
            project_id: t.project.clone(),
            counters: t.total(heard.ports.get(&t.port)),
        }
    }
}

/// One project's: of the ports it has and of those it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectUse {
    pub project_id: ProjectId,
    pub ports: u64,
    #[serde(flatten)]
    pub counters: PortCounters,
}

impl Network {
    pub fn traffic_of_port(&self, port: &PortId) -> Option<PortUse> {
        let heard = self.heard().0.lock();
        self.store().snapshot().get::<PortTraffic>(port).map(|t| PortUse::of(&t, &heard))
    }

    /// What passed the ports of this project, or of all, by id.
    pub fn port_traffic(&self, project: Option<&ProjectId>) -> Vec<PortUse> {
        let snapshot = self.store().snapshot();
        let heard = self.heard().0.lock();
        let of = |t: &PortTraffic| PortUse::of(t, &heard);
        match project {
            Some(id) => snapshot.by(PortTraffic::BY_PROJECT, id).map(|t| of(&t)).collect(),
            None => snapshot.all::<PortTraffic>().map(|t| of(&t)).collect(),
        }
    }

    /// The same summed by project, with what is left of ports that are gone.
    pub fn project_traffic(&self, project: Option<&ProjectId>) -> Vec<ProjectUse> {
        let mut sums: BTreeMap<ProjectId, ProjectUse> = BTreeMap::new();
        let mut add = |project_id: &ProjectId, ports: u64, counters: PortCounters| {
            let new = || ProjectUse { project_id: project_id.clone(), ports: 0, counters: PortCounters::default() };
            let sum = sums.entry(project_id.clone()).or_insert_with(new);
            (sum.ports, sum.counters) = (sum.ports + ports, sum.counters.plus(counters));
        };
        for port in self.port_traffic(project) {
            add(&port.project_id, 1, port.counters);
        }
        let gone = self.store().snapshot();
        let wanted = |p: &ProjectTraffic| project.is_none_or(|id| *id == p.project);
        gone.all::<ProjectTraffic>().filter(|p| wanted(p)).for_each(|p| add(&p.project, 0, p.gone));
        sums.into_values().collect()
    }
}
