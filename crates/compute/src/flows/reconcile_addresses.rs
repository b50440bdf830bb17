//! Floating IPs that lead to guests are known to the guests: metadata is told by hosts, and hosts know intents.
//!
//! A floating IP goes from port to port without compute; a guest that goes to another host while that happens is looked at once it is there.

use super::{guest::change_intent, reconcile_limits::in_chunks};
use crate::{Compute, model::vm::VmIntent};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{PortId, Result, ServerId};
use std::{collections::BTreeMap, net::IpAddr, time::Duration};
use store::{Batch, Tx};

pub struct FloatingIps(pub Compute);

#[async_trait]
impl Reconciler for FloatingIps {
    fn name(&self) -> &'static str {
        "compute.floating_ips"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn wants(&self, batch: &Batch) -> bool {
        let gone_elsewhere = |old: &VmIntent, new: &VmIntent| old.host != new.host;
        self.0.ports.floating_changed(batch)
            || batch.of::<VmIntent>().any(|c| c.old.zip(c.new).is_some_and(|(old, new)| gone_elsewhere(&old, &new)))
    }

    async fn reconcile(&self) -> Result<()> {
        let snapshot = self.0.store.snapshot();
        let floating = self.0.ports.floating(&snapshot);
        let intents = snapshot.all::<VmIntent>().filter(|i| !i.spare && differs(i, &floating));
        let differing: Vec<ServerId> = intents.map(|i| i.server.clone()).collect();
        let ports = self.0.ports.clone();
        let follow = move |tx: &mut Tx, id: &ServerId| {
            let bound = ports.bound(tx.view(), id);
            change_intent(tx, id, |intent| {
                for port in &mut intent.ports {
                    let now = bound.iter().find(|b| b.port == port.bound.port);
                    port.bound.floating = now.map(|b| b.floating.clone()).unwrap_or_default();
                }
            });
            Ok(())
        };
        in_chunks(&self.0, "compute.server.floating_ips", &differing, follow).await
    }
}

fn differs(intent: &VmIntent, floating: &BTreeMap<PortId, Vec<IpAddr>>) -> bool {
    let none = Vec::new();
    intent.ports.iter().any(|p| p.bound.floating != *floating.get(&p.bound.port).unwrap_or(&none))
}
