//! Deleting what others may be about to use.
//!
//! That a network has no ports is an absence that an index shows, and index reads are not validated at commit: another member
//! may be adding a port this moment. So deleting takes two transactions:
//!
//! ```text
//!   (in use?) ──▶ refused                        who adds a port reads the network in the same transaction:
//!       │                                        before the mark, the port is seen by the second transaction;
//!       ▼ tx 1: deleting = true                  after it, the mark refuses, or the changed network conflicts
//!    marked ──▶ tx 2: in use? ──▶ unmarked, refused
//!                    │
//!                    ▼
//!                  gone
//! ```
//!
//! A member that dies between the two leaves a mark, which [`crate::flows::finish_deleting`] carries to its end. Subnets and
//! security groups are deleted the same way.

use super::forget_policies;
use crate::{
    Network as Service,
    error::NetError,
    model::{FloatingIp, Network, Port, Resource, Subnet, port::Role, quota},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected, listed},
        floatingip, port, subnet,
    },
    policy::network as rules,
};
use kernel::{Ctx, Result};
use store::Tx;

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Network>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let marked = id.to_owned();
    net.store()
        .transact("network.network.mark", move |tx| {
            let network = expected::<Network>(tx, &marked, expect)?;
            ensure_unused(tx, &network)?;
            tx.put(Network { deleting: true, ..Network::clone(&network) });
            Ok(())
        })
        .await?;
    finish(net, id).await
}

/// Carries a marked deletion to its end, whichever that is.
pub(crate) async fn finish(net: &Service, id: &str) -> Result<()> {
    let id = id.to_owned();
    // A refusal must not undo the unmarking, so it travels inside.
    net.store().transact("network.network.delete", move |tx| Ok(remove(tx, &id))).await?
}

fn remove(tx: &mut Tx, id: &str) -> Result<()> {
    let Some(network) = tx.get::<Network>(id).filter(|n| n.deleting) else { return Ok(()) };
    if let Err(refusal) = ensure_unused(tx, &network) {
        tx.put(Network { deleting: false, ..Network::clone(&network) });
        return Err(refusal);
    }
    for port in tx.by(Port::BY_NETWORK, id) {
        match tx.get::<FloatingIp>(&port.device_id).filter(|_| port.role() == Role::FloatingIp) {
            Some(fip) => floatingip::delete::remove(tx, &fip, network.standard.updated),
            None => port::delete::remove(tx, &port, network.standard.updated),
        }
    }
    for subnet in &network.subnets {
        if let Some(subnet) = tx.get::<Subnet>(subnet) {
            subnet::delete::forget(tx, &subnet);
        }
    }
    for segment in &network.segments {
        segment.release(tx, &network.id);
    }
    forget_policies(tx, id);
    tx.delete::<Network>(id);
    quota::release(tx, network.project(), "network", 1);
    Ok(())
}

fn ensure_unused(tx: &Tx, network: &Network) -> Result<()> {
    let view = tx.view();
    // An address that leads nowhere is nobody's use of the network.
    let idle = |p: &Port| {
        p.role() == Role::FloatingIp && view.get::<FloatingIp>(&p.device_id).is_none_or(|f| f.target.is_none())
    };
    let ports: Vec<_> = view.by(Port::BY_NETWORK, &network.id).filter(|p| !p.is_auto_deleted() && !idle(p)).collect();
    if ports.is_empty() {
        return Ok(());
    }
    let ids = listed(ports.iter().map(|p| p.id.as_str()));
    let reason = format!("There are one or more ports still in use on the network, id for these ports is: {ids}");
    Err(NetError::NetworkInUse { id: network.id.to_string(), reason }.into())
}
