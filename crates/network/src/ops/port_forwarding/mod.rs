//! Port forwardings of floating IPs.

pub mod create;
pub mod delete;
pub mod update;

use crate::{
    error::NetError,
    model::{
        FloatingIp, Port, PortForwarding, Resource,
        port::FixedIp,
        port_forwarding::{Forwards, PortRange},
    },
    ops::{
        access::{On, Reach, see},
        floatingip::associate::router_for,
    },
};
use kernel::{Ctx, Result, RouterId, Timestamp};
use policy::{Authorize, Permit, Rule};
use std::{net::IpAddr, sync::Arc};
use store::{Snapshot, Tx};

/// What policy asks of something of a floating IP: whose the floating IP is.
pub fn on<'a>(snapshot: &'a Snapshot, reach: &'a Reach, fip: &'a FloatingIp) -> On<'a> {
    On { parent: Some(fip.project()), ..On::new(snapshot, reach, fip.project()) }
}

/// The floating IP if the caller sees it and may do this to its forwardings.
fn may(
    cx: &Ctx,
    snapshot: &Snapshot,
    reach: &Reach,
    fip: &str,
    rule: &'static Rule,
) -> Result<(Arc<FloatingIp>, Permit)> {
    let fip = see::<FloatingIp>(cx, snapshot, reach, fip)?;
    let permit = cx.authorize(rule, &on(snapshot, reach, &fip))?;
    Ok((fip, permit))
}

/// A forwarding of this floating IP.
pub fn of(snapshot: &Snapshot, fip: &str, id: &str) -> Result<Arc<PortForwarding>> {
    let found = snapshot.get::<PortForwarding>(id).filter(|pf| *pf.fip == *fip);
    found.ok_or_else(|| PortForwarding::not_found(id).into())
}

fn wrong<T>(reason: impl Into<String>) -> Result<T> {
    Err(NetError::BadRequest { resource: "port_forwarding", reason: reason.into() }.into())
}

/// Whether a forwarding can be as it says, and through which router it leads then.
fn check(tx: &mut Tx, fip: &FloatingIp, pf: &PortForwarding) -> Result<RouterId> {
    let port = tx.get::<Port>(&pf.port).ok_or_else(|| Port::not_found(&pf.port))?;
    if !pf.internal.fits(pf.external) {
        return wrong(
            "Invalid ranges of internal and/or external ports. The relation between internal and external ports must be N-N or 1-N",
        );
    }
    collisions(tx, fip, &port, pf)?;
    alone(tx, fip, &port, pf)?;
    let Some(fixed) = port.fixed_ips.iter().find(|ip| ip.address == IpAddr::V4(pf.address)) else {
        return wrong(format!(
            "Requested internal IP address {} is not suitable for internal neutron port {}",
            pf.address, port.id
        ));
    };
    router(tx, fip, &port, fixed)
}

/// One address and port leads to one place, and one place is led to from one.
fn collisions(tx: &mut Tx, fip: &FloatingIp, port: &Port, pf: &PortForwarding) -> Result<()> {
    let same = |tx: &mut Tx, id: &str| {
        tx.get::<PortForwarding>(id).filter(|other| other.id != pf.id && other.protocol == pf.protocol)
    };
    let collide = |key: &str, existing: PortRange, new: PortRange| {
        wrong(format!("There is a port collision with the {key}. The following ranges collide: {existing} and {new}"))
    };
    for id in &port.forwardings {
        if let Some(other) = same(tx, id).filter(|o| o.address == pf.address && o.internal.overlaps(pf.internal)) {
            return collide("internal_port_range", other.internal, pf.internal);
        }
    }
    for id in fip.forwards.iter().flat_map(|f| &f.ids) {
        if let Some(other) = same(tx, id).filter(|o| o.external.overlaps(pf.external)) {
            return collide("external_port_range", other.external, pf.external);
        }
    }
    Ok(())
}

/// Neither has the guest a floating IP to itself, nor the floating IP a guest.
fn alone(tx: &mut Tx, fip: &FloatingIp, port: &Port, pf: &PortForwarding) -> Result<()> {
    let own = port.floating_ips.iter().next().and_then(|id| tx.get::<FloatingIp>(id));
    if let Some(own) = own {
        let (address, id, port) = (own.address.into(), own.id.to_string(), port.id.to_string());
        return Err(NetError::PortHasBindingFloatingIP { address, id, port, fixed: pf.address.into() }.into());
    }
    if fip.target.is_some() {
        return Err(NetError::FloatingIPPortAlreadyAssociated {
            port: port.id.to_string(),
            floating: fip.id.to_string(),
            address: fip.address.into(),
            fixed: pf.address.into(),
            network: fip.network.to_string(),
        }
        .into());
    }
    Ok(())
}

/// The router between the guest and the external network: the same for all forwardings of a floating IP.
fn router(tx: &mut Tx, fip: &FloatingIp, port: &Port, fixed: &FixedIp) -> Result<RouterId> {
    let Ok(router) = router_for(tx, port, fixed, &fip.network) else {
        return wrong(format!(
            "External network {} is not reachable from subnet {}. Cannot set Port forwarding for port {} with Floating IP {}",
            fip.network, fixed.subnet, port.id, fip.id
        ));
    };
    match &fip.forwards {
        Some(forwards) if forwards.router != router => wrong(format!(
            "The Floating IP {} had been set on router {}, the internal Neutron port {} can not reach it",
            fip.id, forwards.router, port.id
        )),
        _ => Ok(router),
    }
}

/// Notes a forwarding at its two ends. Writing the router makes removing its gateway at the same time conflict.
fn join(tx: &mut Tx, pf: &PortForwarding, router: &RouterId, now: Timestamp) {
    tx.update::<FloatingIp>(&pf.fip, |fip| {
        let forwards = fip.forwards.get_or_insert_with(|| Forwards { router: router.clone(), ids: Default::default() });
        forwards.ids.insert(pf.id.clone());
        fip.standard.touch(now);
    });
    tx.update::<Port>(&pf.port, |port| {
        port.forwardings.insert(pf.id.clone());
    });
    crate::ops::common::touch::<crate::model::Router>(tx, router, now);
}

/// Takes a forwarding from its two ends.
fn part(tx: &mut Tx, pf: &PortForwarding, now: Timestamp) {
    tx.update::<FloatingIp>(&pf.fip, |fip| {
        if let Some(forwards) = &mut fip.forwards {
            forwards.ids.remove(&pf.id);
        }
        fip.forwards = fip.forwards.take().filter(|f| !f.ids.is_empty());
        fip.standard.touch(now);
    });
    tx.update::<Port>(&pf.port, |port| {
        port.forwardings.remove(&pf.id);
    });
}

/// Removes the forwardings of a port to addresses that it has no more.
pub(crate) fn forget(tx: &mut Tx, port: &Port, still: impl Fn(IpAddr) -> bool, now: Timestamp) {
    let all: Vec<_> = port.forwardings.iter().filter_map(|id| tx.get::<PortForwarding>(id)).collect();
    for pf in all.iter().filter(|pf| !still(pf.address.into())) {
        part(tx, pf, now);
        tx.delete::<PortForwarding>(&pf.id);
    }
}
