//! Routes that a tenant gives a router.

use crate::{
    error::NetError,
    model::{Network, Port, Router, Settings, Subnet, subnet::Route},
};
use kernel::Result;
use std::net::IpAddr;
use store::Tx;

/// Next hops must be on a subnet of the router, and none of its own addresses.
pub(super) fn check(tx: &mut Tx, router: &Router, routes: &[Route], settings: &Settings) -> Result<()> {
    let quota = settings.max_routes;
    if routes.len() > quota {
        return Err(NetError::RoutesExhausted { router: router.id.to_string(), quota }.into());
    }
    let (mut cidrs, mut own): (Vec<_>, Vec<IpAddr>) = (Vec::new(), Vec::new());
    let ports = router.interfaces.iter().chain(router.gateways().map(|g| &g.port));
    for id in ports {
        let Some(port) = tx.get::<Port>(id) else { continue };
        own.extend(port.fixed_ips.iter().map(|ip| ip.address));
        cidrs.extend(port.fixed_ips.iter().filter_map(|ip| tx.get::<Subnet>(&ip.subnet)).map(|s| s.cidr));
    }
    let external: Vec<_> = router.gateways().filter_map(|g| tx.get::<Network>(&g.network)).collect();
    for id in external.iter().flat_map(|n| n.subnets.iter()) {
        cidrs.extend(tx.get::<Subnet>(id).map(|s| s.cidr));
    }
    for route in routes {
        let refuse = |reason: &str| {
            let routes = format!("{{'destination': '{}', 'nexthop': '{}'}}", route.destination, route.nexthop);
            Err(NetError::InvalidRoutes { routes, reason: reason.to_owned() }.into())
        };
        if !cidrs.iter().any(|c| c.contains(&route.nexthop)) {
            return refuse("the nexthop is not connected with router");
        }
        if own.contains(&route.nexthop) {
            return refuse("the nexthop is used by router");
        }
    }
    Ok(())
}
