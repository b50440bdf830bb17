//! Routers, their gateways and interfaces, as the back end wants them.

use super::{ipv6_mode, with_prefixes};
use crate::{
    driver::{LGateway, LRouter, LRouterInterface},
    model::{FloatingIp, NdpProxy, Network, Port, Router, Subnet, port::Role, qos, router::Gateway},
};
use ipnet::IpNet;
use kernel::RouterId;
use std::{net::IpAddr, sync::Arc};
use store::Snapshot;

pub fn router(snapshot: &Snapshot, router: &Router) -> LRouter {
    let mut routes: Vec<_> = router.routes.iter().map(|r| (r.destination, r.nexthop)).collect();
    routes.sort();
    LRouter {
        id: router.id.clone(),
        name: router.name.clone(),
        admin_up: router.admin_up,
        routes,
        gateway: router.gateway.as_ref().and_then(|g| gateway(snapshot, router, g)),
        more_gateways: router.more_gateways.iter().filter_map(|g| further(snapshot, router, g)).collect(),
    }
}

fn gateway(snapshot: &Snapshot, router: &Router, gateway: &Gateway) -> Option<LGateway> {
    let port: Arc<Port> = snapshot.get(&gateway.port)?;
    let mut next_hops: Vec<_> = subnets(snapshot, &port).filter_map(|s| s.gateway).collect();
    next_hops.sort();
    next_hops.dedup();
    Some(LGateway {
        port: gateway.port.clone(),
        network: gateway.network.clone(),
        mac: port.mac.clone(),
        addresses: with_prefixes(snapshot, &port),
        next_hops,
        snat: gateway.snat,
        snat_sources: inner(snapshot, router),
        proxied: snapshot.by(NdpProxy::BY_ROUTER, &router.id).map(|p| p.address).collect(),
        qos: qos::effective(snapshot, gateway.qos.as_ref(), &gateway.network),
    })
}

/// The gateway that a floating IP is behind: of several on its network the one that has a subnet of its address.
pub fn way_out(snapshot: &Snapshot, router: &Router, fip: &FloatingIp) -> Option<Gateway> {
    let near = |gateway: &&Gateway| {
        let port = snapshot.get::<Port>(&gateway.port);
        port.is_some_and(|port| subnets(snapshot, &port).any(|s| s.cidr.contains(&IpAddr::V4(fip.address))))
    };
    let on_network = || router.gateways().filter(|g| g.network == fip.network);
    on_network().find(near).or_else(|| on_network().next()).cloned()
}

/// Unless traffic is spread, a further gateway is for routes that name a next hop on it.
fn further(snapshot: &Snapshot, router: &Router, one: &Gateway) -> Option<LGateway> {
    // Inner addresses are answered for on the first.
    let whole = LGateway { proxied: Default::default(), ..gateway(snapshot, router, one)? };
    Some(if router.ecmp { whole } else { LGateway { next_hops: Vec::new(), ..whole } })
}

/// The IPv4 prefixes behind a router.
fn inner(snapshot: &Snapshot, router: &Router) -> Vec<IpNet> {
    let ports = router.interfaces.iter().filter_map(|id| snapshot.get::<Port>(id));
    let mut nets: Vec<_> = ports
        .flat_map(|p| subnets(snapshot, &p).map(|s| s.cidr).collect::<Vec<_>>())
        .filter(|c| c.addr().is_ipv4())
        .collect();
    nets.sort();
    nets.dedup();
    nets
}

fn subnets<'a>(snapshot: &'a Snapshot, port: &'a Port) -> impl Iterator<Item = Arc<Subnet>> + 'a {
    port.fixed_ips.iter().filter_map(|ip| snapshot.get(&ip.subnet))
}

pub fn interface(snapshot: &Snapshot, port: &Port) -> Option<LRouterInterface> {
    if port.role() != Role::RouterInterface || port.device_id.is_empty() {
        return None;
    }
    let network: Arc<Network> = snapshot.get(&port.network)?;
    // Several IPv6 subnets on one interface advertise in the mode of the first that has one.
    let ra = subnets(snapshot, port).filter(|s| s.is_v6()).find_map(|s| s.ra_mode);
    Some(LRouterInterface {
        port: port.id.clone(),
        router: RouterId::from(port.device_id.as_str()),
        network: port.network.clone(),
        mac: port.mac.clone(),
        addresses: with_prefixes(snapshot, port),
        mtu: network.mtu,
        ipv6: ra.map(|mode| ipv6_mode(Some(mode))),
    })
}
