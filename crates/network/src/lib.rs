//! Networks for guests: Neutron's API, the rules behind it, and the logical network that a back end carries out.
//!
//! What it owns: networks, subnets, subnet pools and their address scopes, ports with their addresses and MAC addresses, routers,
//! floating IPs, security groups, address groups, RBAC policies, the quotas of all these. What it does not: bits on wires. Those
//! are the [`driver::NetworkBackend`]'s (one for the region) and the [`driver::HostNetwork`]'s (one per host, in the agent).
//!
//! ```text
//!   api ─▶ ops ─▶ one transaction: objects + claims (address, MAC, segment, name, quota)      ─▶ 201
//!                                         │ watch
//!                                         ▼
//!              flows::ReconcileBackend ─ model::logical (pure) ─▶ NetworkBackend::apply
//!                                         │
//!   compute ─▶ binder (PortBinder) ───────┘ wait_ready: until the back end has the port as the store has it
//! ```
//!
//! No request waits for the back end, and none fails because of it: the store says how the network shall be, a reconciler
//! makes it so, and who must know (a guest about to start) waits for it.
//!
//! ## States
//!
//! ```text
//!   port         unbound ─bind─▶ DOWN ─plugged─▶ ACTIVE ─unplugged─▶ DOWN      (derived, model::port)
//!   floating IP  DOWN ─associate─▶ ACTIVE ─disassociate / port gone─▶ DOWN     (derived)
//!   network, subnet, security group
//!                there ─delete─▶ deleting ─▶ gone     (or back to there, if somebody came to use it; ops::network::delete)
//! ```
//!
//! ## Invariants (checked by [`audit`])
//! - Addresses claimed = addresses of ports; MAC addresses likewise. A claim's key is what is claimed, so nothing is given
//!   out twice, whoever asks at once.
//! - Quota usage = what is there.
//! - Ports, subnets, routers and floating IPs refer to what is there.
//! - What the back end holds = `model::logical` of the store.
//!
//! ## Why races are safe
//! Whoever adds to something reads it in the same transaction, so removing it meanwhile conflicts. Where the parent keeps a list
//! of its children (a network its subnets, a router its interfaces, a port its floating IPs), adding writes it, and removal
//! sees the list. Where that would make the parent a hot spot (ports of a network, addresses of a subnet, members of a group),
//! removal marks first and looks then.

pub mod api;
pub mod audit;
mod binder;
pub mod bootstrap;
pub mod driver;
pub mod error;
pub mod flows;
pub mod model;
pub mod ops;
pub mod policy;
pub mod traffic;
pub mod why;

pub use audit::audit;
pub use bootstrap::{BootstrapSpec, bootstrap};
pub use model::{Physical, Settings, schema};

use driver::NetworkBackend;
use flow::Reconciler;
use flows::Mirror;
use kernel::{Clock, Timestamp};
use ops::common::Env;
use ports::HostCalls;
use std::sync::Arc;
use store::Store;

/// What the service needs of the others.
#[derive(Clone)]
pub struct Deps {
    pub store: Store,
    pub backend: Arc<dyn NetworkBackend>,
    /// Hosts are shown as agents, and make availability zones.
    pub hosts: Arc<dyn HostCalls>,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
}

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    store: Store,
    backend: Arc<dyn NetworkBackend>,
    hosts: Arc<dyn HostCalls>,
    clock: Arc<dyn Clock>,
    settings: Arc<Settings>,
    mirror: Arc<Mirror>,
    heard: traffic::Heard,
    started: Timestamp,
}

impl Network {
    pub fn new(deps: Deps) -> Self {
        let Deps { store, backend, hosts, clock, settings } = deps;
        let mirror = Arc::new(Mirror::default());
        let (heard, started) = (traffic::Heard::default(), clock.now());
        Self(Arc::new(Inner { store, backend, hosts, clock, settings: Arc::new(settings), mirror, heard, started }))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub fn backend(&self) -> &Arc<dyn NetworkBackend> {
        &self.0.backend
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn hosts(&self) -> &dyn HostCalls {
        &*self.0.hosts
    }

    /// Since when this process serves.
    pub(crate) fn started(&self) -> Timestamp {
        self.0.started
    }

    pub(crate) fn mirror(&self) -> &Arc<Mirror> {
        &self.0.mirror
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(crate) fn heard(&self) -> &traffic::Heard {
        &self.0.heard
    }

    pub(crate) fn env(&self) -> Env {
        let enforced = self.0.backend.enforces();
        Env { now: self.0.clock.now(), settings: Arc::clone(&self.0.settings), enforced }
    }

    /// What the back end is to hold, for [`why::why`].
    pub fn data_plane(&self) -> why::Plan {
        model::logical::all(&self.0.store.snapshot(), &self.0.settings).into_iter().collect()
    }

    /// How the back end stands.
    pub fn mirror_counts(&self) -> flows::Counts {
        self.0.mirror.counts()
    }

    /// Puts the service's numbers on `/metrics`; once per process.
    pub fn export_metrics(&self) {
        let mirror = Arc::clone(&self.0.mirror);
        telemetry::metrics().collect(move |out| {
            let counts = mirror.counts();
            let gauge = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
            out.gauge("network_objects", "Objects the network back end holds", gauge(counts.held));
            out.gauge("network_objects_refused", "Objects the network back end does not take", gauge(counts.refused));
            out.counter("network_drift", "Objects that somebody else had changed in the back end", counts.drifted);
        });
        self.export_traffic();
    }

    /// What must run on every member of the region, each by [`flow::spawn_reconciler`].
    pub fn reconcilers(&self) -> Vec<Arc<dyn Reconciler>> {
        vec![
            Arc::new(flows::ReconcileBackend::new(self, Arc::clone(&self.0.clock))),
            Arc::new(flows::FinishDeleting::new(self)),
            Arc::new(traffic::CountTraffic::new(self)),
            Arc::new(traffic::ExportFlows::new(self)),
        ]
    }
}
