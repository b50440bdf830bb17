use super::{InterfaceAsked, InterfaceView, distinct};
use crate::{
    Network as Service,
    error::NetError,
    model::{
        Network, Port, Resource, Router, Subnet,
        port::{FixedIp, Role, owner},
        rbac::{self, Action},
    },
    ops::{
        access::{Reach, Set, change, see},
        common::Env,
        port::{
            self,
            address::{AskedIp, reassign},
            create::NewPort,
        },
    },
    policy::router as rules,
};
use kernel::{Ctx, PortId, Result};
use std::sync::Arc;
use store::Tx;

pub async fn add(net: &Service, cx: &Ctx, id: &str, asked: &InterfaceAsked) -> Result<InterfaceView> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Router>(cx, &snapshot, &reach, id, &rules::ADD_INTERFACE, &Set::default())?;
    match (&asked.subnet_id, &asked.port_id) {
        (Some(_), Some(_)) => return Err(NetError::router("Cannot specify both subnet-id and port-id").into()),
        (None, None) => return Err(NetError::router("Either subnet_id or port_id must be specified").into()),
        (Some(subnet), None) => {
            see::<Subnet>(cx, &snapshot, &reach, subnet)?;
        }
        (None, Some(port)) => {
            see::<Port>(cx, &snapshot, &reach, port)?;
        }
    }
    let (env, id, asked) = (net.env(), id.to_owned(), asked.clone());
    net.store()
        .transact("network.router.add_interface", move |tx| {
            let router = tx.get::<Router>(&id).ok_or_else(|| Router::not_found(&id))?;
            match (&asked.subnet_id, &asked.port_id) {
                (Some(subnet), _) => by_subnet(tx, &env, &reach, &router, subnet),
                (None, port) => by_port(tx, &env, &reach, &router, port.as_deref().unwrap_or_default()),
            }
        })
        .await
}

/// Connects a subnet to a router, by its gateway address.
pub(crate) fn by_subnet(tx: &mut Tx, env: &Env, reach: &Reach, router: &Router, subnet: &str) -> Result<InterfaceView> {
    let subnet = tx.get::<Subnet>(subnet).ok_or_else(|| Subnet::not_found(subnet))?;
    let Some(gateway) = subnet.gateway else {
        return Err(NetError::router("Subnet for router interface must have a gateway IP").into());
    };
    ensure_own(tx, reach, &subnet)?;
    ensure_ours_to_announce(&subnet)?;
    distinct(tx, router, std::slice::from_ref(&subnet))?;
    let address = FixedIp { subnet: subnet.id.clone(), address: gateway };
    let existing = if subnet.is_v6() { v6_port(tx, router, &subnet) } else { None };
    let port = match existing {
        // Another IPv6 prefix of the same network goes onto the same port.
        Some(port) => extend(tx, env, &port, &address)?,
        None => {
            let new = NewPort {
                device_id: router.id.to_string(),
                device_owner: owner::ROUTER_INTERFACE.to_owned(),
                fixed_ips: Some(vec![AskedIp::exactly(&address)]),
                ..NewPort::on(&subnet.network)
            };
            port::create::insert(tx, env, &PortId::new(), router.project(), &new)?
        }
    };
    connected(tx, env, router, port, vec![subnet])
}

/// A subnet of another project needs its network shared with this very project; sharing with all is not enough.
fn ensure_own(tx: &Tx, reach: &Reach, subnet: &Subnet) -> Result<()> {
    let for_us = |p: &str| {
        let mut policies = tx.view().by(rbac::RbacPolicy::BY_OBJECT, &subnet.network);
        policies.any(|r| r.action == Action::Shared && r.target == p)
    };
    if reach.admin || reach.is(subnet.project()) || reach.project.as_deref().is_some_and(for_us) {
        return Ok(());
    }
    let text = format!(
        "Cannot add interface to router because subnet {} is not owned by project making the request",
        subnet.id
    );
    Err(NetError::router(text).into())
}

fn ensure_ours_to_announce(subnet: &Subnet) -> Result<()> {
    if subnet.is_v6() && subnet.ra_mode.is_none() && subnet.address_mode.is_some() {
        let text = format!(
            "IPv6 subnet {} configured to receive RAs from an external router cannot be added to Neutron Router.",
            subnet.id
        );
        return Err(NetError::router(text).into());
    }
    Ok(())
}

/// The router's port with IPv6 addresses on the subnet's network.
fn v6_port(tx: &mut Tx, router: &Router, subnet: &Subnet) -> Option<Arc<Port>> {
    let ports: Vec<_> = router.interfaces.iter().filter_map(|id| tx.get::<Port>(id)).collect();
    ports.into_iter().find(|p| p.network == subnet.network && p.fixed_ips.iter().any(|ip| ip.address.is_ipv6()))
}

fn extend(tx: &mut Tx, env: &Env, port: &Port, address: &FixedIp) -> Result<Arc<Port>> {
    let network = tx.get::<Network>(&port.network).ok_or_else(|| Network::not_found(&port.network))?;
    let wanted: Vec<_> = port.fixed_ips.iter().chain([address]).map(AskedIp::exactly).collect();
    let fixed_ips = reassign(tx, &network, port, &port.mac, &wanted)?;
    let mut port = Port { fixed_ips, ..Port::clone(port) };
    port.standard.touch(env.now);
    Ok(tx.put(port))
}

fn by_port(tx: &mut Tx, env: &Env, reach: &Reach, router: &Router, id: &str) -> Result<InterfaceView> {
    let port = tx.get::<Port>(id).ok_or_else(|| Port::not_found(id))?;
    if !port.device_id.is_empty() {
        let (port, network, device) = (port.id.to_string(), port.network.to_string(), port.device_id.clone());
        return Err(NetError::PortInUse { port, network, device }.into());
    }
    if port.fixed_ips.is_empty() {
        return Err(NetError::router("Router port must have at least one fixed IP").into());
    }
    let subnets: Vec<_> = port.fixed_ips.iter().filter_map(|ip| tx.get::<Subnet>(&ip.subnet)).collect();
    subnets.iter().try_for_each(|s| ensure_ours_to_announce(s))?;
    distinct(tx, router, &subnets)?;
    if subnets.iter().filter(|s| !s.is_v6()).count() > 1 {
        return Err(NetError::router("Cannot have multiple IPv4 subnets on router port").into());
    }
    for (ip, subnet) in port.fixed_ips.iter().zip(&subnets) {
        let given_out = subnet.pools.iter().any(|p| p.contains(ip.address));
        if !given_out && !reach.admin && !reach.is(subnet.project()) {
            let text = format!(
                "Cannot add interface to router because specified port {id} has an IP address out of the allocation pool of subnet {}, which is not owned by the project making the request",
                subnet.id
            );
            return Err(NetError::router(text).into());
        }
    }
    let mut taken = Port::clone(&port);
    taken.device_id = router.id.to_string();
    taken.device_owner = owner::ROUTER_INTERFACE.to_owned();
    // A router's port is the service's own: no filter.
    taken.security_groups.clear();
    taken.port_security = false;
    taken.allowed_pairs.clear();
    taken.standard.touch(env.now);
    debug_assert_eq!(taken.role(), Role::RouterInterface);
    let port = tx.put(taken);
    connected(tx, env, router, port, subnets)
}

fn connected(
    tx: &mut Tx,
    env: &Env,
    router: &Router,
    port: Arc<Port>,
    subnets: Vec<Arc<Subnet>>,
) -> Result<InterfaceView> {
    let mut router = Router::clone(router);
    router.interfaces.insert(port.id.clone());
    router.standard.touch(env.now);
    let router = tx.put(router);
    Ok(InterfaceView { router, port, subnets: subnets.iter().map(|s| s.id.clone()).collect() })
}
