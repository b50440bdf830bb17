//! Compute: servers, what they are made of, and the hosts they run on. Nova's job.
//!
//! ```text
//!            create                        stop, or the guest powers off
//!   (none) ─────────▶ BUILD ──▶ ACTIVE ───────────────────────────────────▶ SHUTOFF ──start──▶ ACTIVE
//!                       │        │  ▲ unpause                                 │
//!                       │  pause ▼  │                                         │
//!                       │       PAUSED                                        │
//!                       ▼                                                     ▼
//!                     ERROR ◀── a flow failed for good        delete, from any state ──▶ (none)
//!
//!   ACTIVE, SHUTOFF ──resize, migrate──▶ VERIFY_RESIZE ──confirm, revert──▶ ACTIVE, SHUTOFF
//!   ACTIVE, SHUTOFF, PAUSED, SUSPENDED ──shelve──▶ SHELVED ──offload──▶ SHELVED_OFFLOADED ──unshelve──▶ ACTIVE
//!   ACTIVE, SHUTOFF, ERROR, host down ──evacuate──▶ ACTIVE, SHUTOFF
//! ```
//!
//! How a request becomes a guest:
//!
//! ```text
//!   api ──▶ ops: authorize, validate, one transaction ──▶ Server (task), VmIntent (generation g), flow
//!                                                             │ agent's stream
//!   flow waits ◀── VmObserved (generation ≥ g) ◀── observe() ◀┘ the host makes it so and says so
//!     └─▶ last step: the server's state, action closed, one transaction
//! ```
//!
//! Invariants ([`audit`] checks them)
//! - A server with a task, or in BUILD, has a live flow. Whatever a flow's fate, the transaction that ends it writes a state
//!   without one.
//! - A server that is ACTIVE, PAUSED, SHUTOFF or VERIFY_RESIZE has exactly one intent of its own, on its host. An intent outlives
//!   its server only as `Absent`, for a host that was away when the server was deleted.
//! - What another host has of a server is in an intent as well, a spare one ([`flows::moving`]): without a guest, and only
//!   while the server moves there or may come back, or until the host has given it up. Both hosts' capacity is claimed as long.
//! - Generations of an intent only grow, over all hosts a server is ever on. An observation of an older one, or from
//!   another host, changes nothing.
//! - A server is what its guest is: an observation that nobody asked for changes the server in the transaction that brings
//!   it ([`model::power::settle`]), unless a flow has the server; then the flow's last step looks again.
//! - `instances`, `cores` and `ram` of a project's quota are the sum over its servers: both are written together.
//!
//! Why deleting is safe while other things are under way: see [`flows`].

pub mod api;
mod audit;
pub mod driver;
mod error;
pub mod flows;
pub mod metadata;
pub mod model;
mod ops;
pub mod policy;
mod port;
mod service;
#[cfg(test)]
mod testkit;

pub use audit::audit;
pub use error::ComputeError;
pub use ops::{
    hosts::HostReport,
    maintenance::{Afterwards, HostView, Left},
    servers::{LimitsTold, ResizeQuestion},
};
pub use port::KnownServers;
pub use service::{Compute, Config, Deps, Restarts};

use flow::{EngineBuilder, Reconciler};
use model::{Aggregate, ComputeHost, ConsoleToken, Flavor, Keypair, Server, ServerGroup, sequence::Sequence, vm};
use std::sync::Arc;
use store::Schema;

/// The kinds of object this service keeps, and those it counts with.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    schema
        .with::<Server>()
        .with::<vm::VmIntent>()
        .with::<vm::VmObserved>()
        .with::<Flavor>()
        .with::<Keypair>()
        .with::<Aggregate>()
        .with::<model::Migration>()
        .with::<ServerGroup>()
        .with::<ComputeHost>()
        .with::<ConsoleToken>()
        .with::<Sequence>()
        .with::<ports::quota::QuotaUsage>()
        .with::<ports::quota::QuotaLimits>()
}

impl Compute {
    /// Makes a process able to carry out this service's flows.
    #[must_use]
    pub fn flows(&self, engine: EngineBuilder) -> EngineBuilder {
        let c = || self.clone();
        engine
            .register(flows::create::CreateServer(c()))
            .register(flows::delete::DeleteServer(c()))
            .register(flows::power::ChangePower(c()))
            .register(flows::rebuild_volume::RebuildVolume(c()))
            .register(flows::attach_volume::AttachVolume(c()))
            .register(flows::detach_volume::DetachVolume(c()))
            .register(flows::attach_interface::AttachInterface(c()))
            .register(flows::detach_interface::DetachInterface(c()))
            .register(flows::live::LiveMigrate(c()))
            .register(flows::create_image::CreateImage(c()))
            .register(flows::create_image::DiscardImage(c()))
            .register(flows::thaw::ThawServer(c()))
            .register(flows::moving::reshape::ReshapeServer(c()))
            .register(flows::moving::resize::MoveServer(c()))
            .register(flows::moving::confirm::ConfirmResize(c()))
            .register(flows::moving::revert::RevertResize(c()))
            .register(flows::shelve::ShelveServer(c()))
            .register(flows::shelve::OffloadServer(c()))
    }

    /// To be spawned with [`flow::spawn_reconciler`].
    pub fn reconcilers(&self) -> Vec<Arc<dyn Reconciler>> {
        vec![
            Arc::new(flows::reconcile::Tidy(self.clone())),
            Arc::new(flows::reconcile_limits::VolumeLimits(self.clone())),
            Arc::new(flows::reconcile_limits::FlavorLimits(self.clone())),
            Arc::new(flows::reconcile_addresses::FloatingIps(self.clone())),
            Arc::new(flows::reconcile_moves::WhatWaits(self.clone())),
            Arc::new(flows::reconcile_drain::Drain(self.clone())),
        ]
    }
}
