//! Limits follow what sets them, and reach guests while they run.
//!
//! - Volumes follow the volume service's QoS specs.
//! - A server has a copy of its flavor, which stays as it was; but `quota:*` are limits, and those are the flavor's of today: of its
//!   processors, its local disks and its ports.
//!
//! An intent that says otherwise is changed, and the guest's host does the rest. A server that something is done to is left alone: what
//! works on it writes the intent of what the server is by then, and the next round sees to what it has missed.

use super::guest::change_intent;
use crate::{
    Compute,
    driver::VmSpec,
    model::{
        Flavor, Server,
        hardware::{nic_limits, set_limits},
        vm::VmIntent,
    },
};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Result, ServerId};
use std::{sync::Arc, time::Duration};
use store::{Batch, Snapshot, Tx};

/// Servers changed in one transaction.
const CHUNK: usize = 64;

pub struct VolumeLimits(pub Compute);

#[async_trait]
impl Reconciler for VolumeLimits {
    fn name(&self) -> &'static str {
        "compute.volume_limits"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn wants(&self, batch: &Batch) -> bool {
        self.0.volumes.limits_changed(batch)
    }

    async fn reconcile(&self) -> Result<()> {
        let snapshot = self.0.store.snapshot();
        let differing: Vec<ServerId> =
            snapshot.all::<VmIntent>().filter(|i| self.differs(&snapshot, i)).map(|i| i.server.clone()).collect();
        let volumes = Arc::clone(&self.0.volumes);
        let follow = move |tx: &mut Tx, id: &ServerId| {
            let view = tx.view().clone();
            change_intent(tx, id, |intent| {
                intent.volumes.iter_mut().for_each(|v| v.io = volumes.limits(&view, &v.volume));
            });
            Ok(())
        };
        in_chunks(&self.0, "compute.server.limit_volumes", &differing, follow).await
    }
}

/// Changes servers, some in each transaction.
pub(super) async fn in_chunks(
    c: &Compute,
    name: &'static str,
    servers: &[ServerId],
    change: impl Fn(&mut Tx, &ServerId) -> Result<()> + Clone + Send + 'static,
) -> Result<()> {
    for chunk in servers.chunks(CHUNK) {
        let (chunk, change) = (chunk.to_vec(), change.clone());
        let changed = c.store.transact(name, move |tx| chunk.iter().try_for_each(|id| change(tx, id)));
        changed.await?;
    }
    Ok(())
}

impl VolumeLimits {
    fn differs(&self, snapshot: &Snapshot, intent: &VmIntent) -> bool {
        intent.volumes.iter().any(|v| v.io != self.0.volumes.limits(snapshot, &v.volume))
    }
}

pub struct FlavorLimits(pub Compute);

#[async_trait]
impl Reconciler for FlavorLimits {
    fn name(&self) -> &'static str {
        "compute.flavor_limits"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(60)
    }

    /// A move that has ended may have left other limits behind than its server's flavor has.
    fn wants(&self, batch: &Batch) -> bool {
        let moved = |old: &Server, new: &Server| {
            old.task.is_some() && new.task.is_none() && (old.resize.is_some() || new.resize.is_some())
        };
        batch.of::<Flavor>().next().is_some()
            || batch.of::<Server>().any(|c| c.old.zip(c.new).is_some_and(|(old, new)| moved(&old, &new)))
    }

    async fn reconcile(&self) -> Result<()> {
        let snapshot = self.0.store.snapshot();
        let differing: Vec<ServerId> =
            snapshot.all::<Server>().filter(|s| differs(&self.0, &snapshot, s)).map(|s| s.id.clone()).collect();
        let c = self.0.clone();
        in_chunks(&self.0, "compute.server.limit", &differing, move |tx, id| follow(&c, tx, id)).await
    }
}

/// A server's own flavor with the limits that are the flavor's now. One that was removed sets none anew.
fn limited(snapshot: &Snapshot, own: &Flavor) -> Flavor {
    snapshot.get::<Flavor>(&own.id).map_or_else(|| own.clone(), |now| own.limited_as(&now))
}

fn differs(c: &Compute, snapshot: &Snapshot, server: &Server) -> bool {
    server.task.is_none() && {
        let flavor = limited(snapshot, &server.flavor);
        let intent = snapshot.get::<VmIntent>(&server.id);
        flavor.extra_specs != server.flavor.extra_specs
            || intent.is_some_and(|i| with_limits(&i, &flavor) != i.spec)
            || c.ports.limited_otherwise(snapshot, &server.id, nic_limits(&flavor))
    }
}

fn with_limits(intent: &VmIntent, flavor: &Flavor) -> VmSpec {
    let mut spec = intent.spec.clone();
    set_limits(&mut spec, flavor);
    spec
}

fn follow(c: &Compute, tx: &mut Tx, id: &ServerId) -> Result<()> {
    let view = tx.view().clone();
    let Some(server) = tx.get::<Server>(id).filter(|s| differs(c, &view, s)) else { return Ok(()) };
    let flavor = limited(&view, &server.flavor);
    tx.update::<Server>(id, |s| {
        s.flavor = flavor.clone();
        for shape in s.resize.iter_mut().flat_map(|resize| [&mut resize.old, &mut resize.new]) {
            shape.flavor = limited(&view, &shape.flavor);
        }
    });
    if tx.get::<VmIntent>(id).is_some_and(|i| with_limits(&i, &flavor) != i.spec) {
        change_intent(tx, id, |intent| set_limits(&mut intent.spec, &flavor));
    }
    c.ports.limit(tx, id, nic_limits(&flavor))
}
