use super::{InterfaceAsked, InterfaceView};
use crate::{
    Network as Service,
    error::NetError,
    model::{FloatingIp, Port, PortForwarding, Resource, Router, Subnet},
    ops::{
        access::{Reach, Set, change},
        common::Env,
        ndp_proxy,
        port::{self, address::release_one},
    },
    policy::router as rules,
};
use kernel::{Ctx, Result, SubnetId};
use std::sync::Arc;
use store::Tx;

pub async fn remove(net: &Service, cx: &Ctx, id: &str, asked: &InterfaceAsked) -> Result<InterfaceView> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Router>(cx, &snapshot, &reach, id, &rules::REMOVE_INTERFACE, &Set::default())?;
    if asked.subnet_id.is_none() && asked.port_id.is_none() {
        return Err(NetError::router("Either subnet_id or port_id must be specified").into());
    }
    let (env, id, asked) = (net.env(), id.to_owned(), asked.clone());
    net.store()
        .transact("network.router.remove_interface", move |tx| {
            let router = tx.get::<Router>(&id).ok_or_else(|| Router::not_found(&id))?;
            match (&asked.port_id, &asked.subnet_id) {
                (Some(port), subnet) => by_port(tx, &env, &router, port, subnet.as_deref()),
                (None, subnet) => by_subnet(tx, &env, &router, subnet.as_deref().unwrap_or_default()),
            }
        })
        .await
}

fn by_port(tx: &mut Tx, env: &Env, router: &Router, id: &str, subnet: Option<&str>) -> Result<InterfaceView> {
    let ours = router.interfaces.contains(&id.into());
    let port = tx.get::<Port>(id).filter(|_| ours);
    let not_there = || NetError::RouterInterfaceNotFound { router: router.id.to_string(), port: id.to_owned() };
    let port = port.ok_or_else(not_there)?;
    if let Some(subnet) = subnet
        && !port.fixed_ips.iter().any(|ip| *ip.subnet == *subnet)
    {
        let (port, subnet) = (id.to_owned(), subnet.to_owned());
        return Err(NetError::SubnetMismatchForPort { port, subnet }.into());
    }
    let subnets: Vec<_> = port.fixed_ips.iter().map(|ip| ip.subnet.clone()).collect();
    for subnet in &subnets {
        ensure_not_needed(tx, router, subnet)?;
    }
    take_away(tx, env, router, port, subnets)
}

fn by_subnet(tx: &mut Tx, env: &Env, router: &Router, id: &str) -> Result<InterfaceView> {
    let subnet = tx.get::<Subnet>(id).ok_or_else(|| Subnet::not_found(id))?;
    let ports: Vec<_> = router.interfaces.iter().filter_map(|p| tx.get::<Port>(p)).collect();
    let port = ports.into_iter().find(|p| p.fixed_ips.iter().any(|ip| ip.subnet == subnet.id));
    let not_there =
        || NetError::RouterInterfaceNotFoundForSubnet { router: router.id.to_string(), subnet: id.to_owned() };
    let port = port.ok_or_else(not_there)?;
    ensure_not_needed(tx, router, &subnet.id)?;
    if port.fixed_ips.len() == 1 {
        return take_away(tx, env, router, port, vec![subnet.id.clone()]);
    }
    // Other prefixes stay on the port.
    for ip in port.fixed_ips.iter().filter(|ip| ip.subnet == subnet.id) {
        release_one(tx, &port, ip);
    }
    let mut left = Port::clone(&port);
    left.fixed_ips.retain(|ip| ip.subnet != subnet.id);
    left.standard.touch(env.now);
    tx.put(left);
    let mut router = Router::clone(router);
    router.standard.touch(env.now);
    let router = tx.put(router);
    Ok(InterfaceView { router, port, subnets: vec![subnet.id.clone()] })
}

fn take_away(
    tx: &mut Tx,
    env: &Env,
    router: &Router,
    port: Arc<Port>,
    subnets: Vec<SubnetId>,
) -> Result<InterfaceView> {
    port::delete::remove(tx, &port, env.now);
    let mut router = Router::clone(router);
    router.interfaces.remove(&port.id);
    router.standard.touch(env.now);
    let router = tx.put(router);
    Ok(InterfaceView { router, port, subnets })
}

/// No floating IP and no route leads through the interface.
fn ensure_not_needed(tx: &mut Tx, router: &Router, subnet: &SubnetId) -> Result<()> {
    let Some(subnet) = tx.get::<Subnet>(subnet) else { return Ok(()) };
    let (id, of) = (router.id.to_string(), subnet.id.to_string());
    for fip in tx.by(FloatingIp::BY_ROUTER, &router.id) {
        let forwards = fip.forwards.iter().flat_map(|f| &f.ids).filter_map(|id| tx.get::<PortForwarding>(id));
        let mut led_to: Vec<_> = forwards.map(|pf| (pf.port.clone(), pf.address)).collect();
        led_to.extend(fip.target.iter().map(|t| (t.port.clone(), t.fixed)));
        for (port, address) in led_to {
            let port = tx.get::<Port>(&port);
            let here = |p: &Port| p.fixed_ips.iter().any(|ip| ip.subnet == subnet.id && ip.address == address);
            if port.is_some_and(|p| here(&p)) {
                return Err(NetError::RouterInterfaceInUseByFloatingIP { router: id, subnet: of }.into());
            }
        }
    }
    ndp_proxy::ensure_none_on(tx, router, &subnet.id)?;
    if router.routes.iter().any(|r| subnet.cidr.contains(&r.nexthop)) {
        return Err(NetError::RouterInterfaceInUseByRoute { router: id, subnet: of }.into());
    }
    Ok(())
}
