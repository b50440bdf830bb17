use super::{address, mac};
use crate::{
    Network as Service,
    error::NetError,
    model::{FloatingIp, Port, Resource, Router, port::Role, quota, trunk::TrunkEnd},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected},
        log, ndp_proxy, port_forwarding,
    },
    policy::port as rules,
};
use kernel::{Ctx, Result, Timestamp};
use store::Tx;

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Port>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.port.delete", move |tx| {
            let port = expected::<Port>(tx, &id, expect)?;
            ensure_not_a_routers(tx, &port)?;
            ensure_not_a_trunks(&port)?;
            remove(tx, &port, now);
            Ok(())
        })
        .await
}

/// Ports of routers and floating IPs go with those, not by themselves.
fn ensure_not_a_routers(tx: &mut Tx, port: &Port) -> Result<()> {
    let in_use = match port.role() {
        Role::RouterInterface | Role::RouterGateway => tx.get::<Router>(&port.device_id).is_some(),
        Role::FloatingIp => tx.get::<FloatingIp>(&port.device_id).is_some(),
        Role::Guest | Role::Metadata | Role::Dhcp => false,
    };
    if !in_use {
        return Ok(());
    }
    let reason = format!("has device owner {}", port.device_owner);
    Err(NetError::ServicePortInUse { port: port.id.to_string(), reason }.into())
}

/// Ports of a trunk must be taken out of it first.
fn ensure_not_a_trunks(port: &Port) -> Result<()> {
    let id = port.id.to_string();
    match &port.trunk {
        Some(TrunkEnd::Parent { trunk }) => {
            Err(NetError::PortInUseAsTrunkParent { port: id, trunk: trunk.to_string() }.into())
        }
        Some(TrunkEnd::Sub { trunk, .. }) => {
            Err(NetError::PortInUseAsSubPort { port: id, trunk: trunk.to_string() }.into())
        }
        None => Ok(()),
    }
}

/// Removes a port with all it claims. Floating IPs that led to it lead nowhere.
pub(crate) fn remove(tx: &mut Tx, port: &Port, now: Timestamp) {
    for ip in &port.fixed_ips {
        address::release_one(tx, port, ip);
    }
    mac::release(tx, &port.network, &port.id, &port.mac);
    port_forwarding::forget(tx, port, |_| false, now);
    for fip in &port.floating_ips {
        tx.update::<FloatingIp>(fip, |f| {
            f.target = None;
            f.standard.touch(now);
        });
    }
    ndp_proxy::forget(tx, &port.id);
    log::forget(tx, &port.id);
    if tx.delete::<Port>(&port.id) {
        quota::release(tx, port.project(), "port", 1);
    }
}
