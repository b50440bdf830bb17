//! Leading a floating IP to a port.

use crate::{
    error::NetError,
    model::{
        FloatingIp, Network, Port, Resource, Router, Subnet,
        address::AddressClaim,
        floatingip::Target,
        port::{FixedIp, Role},
    },
    ops::{access::Reach, common::Env},
};
use kernel::{NetworkId, ProjectId, Result, RouterId};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};
use store::Tx;

/// Where a request wants a floating IP to lead.
pub(super) struct TargetAsked<'a> {
    pub port: &'a str,
    pub fixed: Option<IpAddr>,
    pub router: Option<&'a RouterId>,
}

/// Finds where a floating IP of `network` would lead: which of the port's addresses, through which router.
pub(super) fn target(tx: &mut Tx, reach: &Reach, fip: &FloatingIp, asked: &TargetAsked<'_>) -> Result<Target> {
    let TargetAsked { port, fixed, router } = *asked;
    let port = seen(tx, reach, port).ok_or_else(|| Port::not_found(port))?;
    if fip.forwards.is_some() {
        return Err(NetError::FipInUseByPortForwarding { id: fip.id.to_string() }.into());
    }
    if !port.forwardings.is_empty() {
        return Err(NetError::PortHasPortForwarding { port: port.id.to_string() }.into());
    }
    ensure_usable(&port, fip.project(), reach)?;
    let fixed = inner(&port, fixed)?;
    let IpAddr::V4(address) = fixed.address else {
        let text =
            format!("Cannot process floating IP association with {}, since that is not an IPv4 address", fixed.address);
        return Err(NetError::floatingip(text).into());
    };
    let router = match router {
        Some(router) => named_router(tx, reach, router, &fip.network)?,
        None => router_for(tx, &port, &fixed, &fip.network)?,
    };
    ensure_alone(tx, fip, &port, address)?;
    Ok(Target { port: port.id.clone(), fixed: address, router })
}

/// A port that the caller sees: their own, or anybody's on their network.
fn seen(tx: &mut Tx, reach: &Reach, id: &str) -> Option<Arc<Port>> {
    let port = tx.get::<Port>(id)?;
    let on_theirs = |tx: &mut Tx| tx.get::<Network>(&port.network).is_some_and(|n| reach.is(n.project()));
    (reach.all || reach.is(port.project()) || on_theirs(tx)).then_some(port)
}

fn ensure_usable(port: &Port, project: &ProjectId, reach: &Reach) -> Result<()> {
    if port.project() != project && !reach.admin {
        let text = format!(
            "Cannot process floating IP association with Port {}, since that port is owned by a different project",
            port.id
        );
        return Err(NetError::floatingip(text).into());
    }
    if matches!(port.role(), Role::RouterGateway | Role::FloatingIp | Role::Dhcp | Role::Metadata) {
        return Err(NetError::floatingip(format!("Port {} is unable to be assigned a floating IP", port.id)).into());
    }
    Ok(())
}

/// The address asked for, or the only IPv4 address.
fn inner(port: &Port, fixed: Option<IpAddr>) -> Result<FixedIp> {
    let refuse = |text: String| Err(NetError::floatingip(text).into());
    if let Some(address) = fixed {
        return match port.fixed_ips.iter().find(|ip| ip.address == address) {
            Some(ip) => Ok(ip.clone()),
            None => refuse(format!("Port {} does not have fixed ip {address}", port.id)),
        };
    }
    let mut v4 = port.v4();
    match (v4.next(), v4.next()) {
        (Some(ip), None) => Ok(ip.clone()),
        (None, _) => refuse(format!("Cannot add floating IP to port {} that has no fixed IPv4 addresses", port.id)),
        (Some(_), Some(_)) => refuse(format!(
            "Port {} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP",
            port.id
        )),
    }
}

/// The router that the request names: the caller's, with its gateway on the external network. How it reaches the address,
/// routes say.
fn named_router(tx: &mut Tx, reach: &Reach, id: &RouterId, network: &NetworkId) -> Result<RouterId> {
    let router = tx.get::<Router>(id).filter(|r| reach.all || reach.is(r.project()));
    let router = router.ok_or_else(|| Router::not_found(id))?;
    if router.gateway_on(network).is_some() {
        return Ok(router.id.clone());
    }
    Err(NetError::RouterWithoutGateway { router: id.to_string(), network: network.to_string() }.into())
}

/// A router on the address's subnet with its gateway on the external network; the one that is the subnet's gateway first,
/// which is found without looking at all ports of the network.
pub(crate) fn router_for(tx: &mut Tx, port: &Port, fixed: &FixedIp, network: &NetworkId) -> Result<RouterId> {
    let gateway = tx.get::<Subnet>(&fixed.subnet).and_then(|s| s.gateway);
    let claim = gateway.and_then(|g| tx.get::<AddressClaim>(&AddressClaim::id(&port.network, g)));
    if let Some(usual) = claim.and_then(|c| tx.get::<Port>(&c.port))
        && let Some(router) = leads_out(tx, &usual, fixed, network)
    {
        return Ok(router);
    }
    let others = tx.by(Port::BY_NETWORK, &port.network);
    others.iter().find_map(|p| leads_out(tx, p, fixed, network)).ok_or_else(|| {
        let (network, subnet, port) = (network.to_string(), fixed.subnet.to_string(), port.id.to_string());
        NetError::ExternalGatewayForFloatingIPNotFound { network, subnet, port }.into()
    })
}

/// The router of an interface on the address's subnet, if its gateway is on the network.
fn leads_out(tx: &mut Tx, interface: &Port, fixed: &FixedIp, network: &NetworkId) -> Option<RouterId> {
    if interface.role() != Role::RouterInterface || !interface.fixed_ips.iter().any(|ip| ip.subnet == fixed.subnet) {
        return None;
    }
    let router = tx.get::<Router>(&interface.device_id)?;
    router.gateway_on(network).is_some().then(|| router.id.clone())
}

/// An inner address has at most one floating IP of an external network.
fn ensure_alone(tx: &mut Tx, fip: &FloatingIp, port: &Port, fixed: Ipv4Addr) -> Result<()> {
    let others: Vec<_> = port.floating_ips.iter().filter(|id| **id != fip.id).cloned().collect();
    for id in others {
        let Some(other) = tx.get::<FloatingIp>(&id) else { continue };
        if other.network == fip.network && other.target.as_ref().is_some_and(|t| t.fixed == fixed) {
            return Err(NetError::FloatingIPPortAlreadyAssociated {
                port: port.id.to_string(),
                floating: fip.id.to_string(),
                address: fip.address.into(),
                fixed: fixed.into(),
                network: fip.network.to_string(),
            }
            .into());
        }
    }
    Ok(())
}

/// Points a floating IP at a target, or at nothing, and keeps the ports' lists in step. Writing the router makes removing its
/// gateway at the same time conflict.
pub(super) fn point(tx: &mut Tx, env: &Env, fip: &mut FloatingIp, target: Option<Target>) {
    if fip.target == target {
        return;
    }
    if let Some(old) = &fip.target {
        tx.update::<Port>(&old.port, |p| {
            p.floating_ips.remove(&fip.id);
        });
    }
    if let Some(new) = &target {
        tx.update::<Port>(&new.port, |p| {
            p.floating_ips.insert(fip.id.clone());
            p.standard.touch(env.now);
        });
        tx.update::<Router>(&new.router, |r| r.standard.touch(env.now));
    }
    fip.target = target;
}
