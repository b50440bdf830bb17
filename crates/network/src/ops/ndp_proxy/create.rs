use crate::{
    Network as Service,
    error::NetError,
    model::{NdpProxy, NdpProxyId, Network, Port, Resource, Router, Standard, address_scope},
    ops::{
        access::Reach,
        common::{Asked, Env, Guard, create_all},
    },
    policy::ndp_proxy as rules,
};
use kernel::{Ctx, PortId, Result, RouterId, SubnetId};
use serde::Deserialize;
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewNdpProxy {
    pub name: String,
    pub description: String,
    pub router_id: RouterId,
    pub port_id: PortId,
    pub ip_address: Option<IpAddr>,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewNdpProxy>>) -> Result<Vec<Arc<NdpProxy>>> {
    let (guard, reach) = (Guard { table: rules::ALL, rule: &rules::CREATE }, Reach::of(cx));
    create_all(net, cx, guard, "network.ndp_proxy.create", asked, move |tx, env, one| insert(tx, env, &reach, one))
        .await
}

fn insert(tx: &mut Tx, env: &Env, reach: &Reach, one: &Asked<NewNdpProxy>) -> Result<Arc<NdpProxy>> {
    let new = &one.body;
    let port = tx.get::<Port>(&new.port_id).filter(|p| reach.all || reach.is(p.project()));
    let port = port.ok_or_else(|| Port::not_found(&new.port_id))?;
    let router = tx.get::<Router>(&new.router_id).filter(|r| reach.all || reach.is(r.project()));
    let router = router.ok_or_else(|| Router::not_found(&new.router_id))?;
    let connected = connected(tx, &router, &port);
    if connected.is_empty() {
        return Err(unreachable(&port, &router).into());
    }
    if !router.ndp_proxy {
        return Err(NetError::RouterNDPProxyNotEnable { router: router.id.to_string() }.into());
    }
    let address = address(&port, &router, &connected, new.ip_address)?;
    same_scope(tx, &router, &port)?;
    // Writing both makes taking the gateway, the interface or the port away at the same time conflict.
    tx.update::<Router>(&router.id, |r| r.standard.touch(env.now));
    tx.update::<Port>(&port.id, |p| p.standard.touch(env.now));
    Ok(tx.put(NdpProxy {
        id: NdpProxyId::new(),
        standard: Standard::new(&one.project, &new.description, env.now),
        name: new.name.clone(),
        router: router.id.clone(),
        port: port.id.clone(),
        address,
    }))
}

fn unreachable(port: &Port, router: &Router) -> NetError {
    NetError::PortUnreachableRouter { port: port.id.to_string(), router: router.id.to_string() }
}

/// The subnets of the port's network that the router has an interface on.
fn connected(tx: &mut Tx, router: &Router, port: &Port) -> Vec<SubnetId> {
    let interfaces = router.interfaces.iter().filter_map(|id| tx.get::<Port>(id));
    let here = interfaces.filter(|p| p.network == port.network);
    here.flat_map(|p| p.fixed_ips.iter().map(|ip| ip.subnet.clone()).collect::<Vec<_>>()).collect()
}

/// The address asked for, or the port's first that the router reaches.
fn address(port: &Port, router: &Router, connected: &[SubnetId], asked: Option<IpAddr>) -> Result<Ipv6Addr> {
    let v6: Vec<_> = port
        .fixed_ips
        .iter()
        .filter_map(|ip| if let IpAddr::V6(a) = ip.address { Some((a, &ip.subnet)) } else { None })
        .collect();
    if v6.is_empty() {
        let reason = format!("Requested port {} must allocate one IPv6 address at least", port.id);
        return Err(NetError::BadRequest { resource: "ndp_proxy", reason }.into());
    }
    let Some(asked) = asked else {
        let first = v6.iter().find(|(_, subnet)| connected.contains(subnet));
        return first.map(|(a, _)| *a).ok_or_else(|| unreachable(port, router).into());
    };
    let invalid = |reason: String| NetError::InvalidAddress { address: asked.to_string(), reason };
    let own = v6.iter().find(|(a, _)| IpAddr::V6(*a) == asked);
    let (address, subnet) = own.ok_or_else(|| invalid(format!("This address not belong to the port {}", port.id)))?;
    if !connected.contains(subnet) {
        return Err(invalid(format!("This address cannot reach the router {}", router.id)).into());
    }
    Ok(*address)
}

fn same_scope(tx: &mut Tx, router: &Router, port: &Port) -> Result<()> {
    let mut scope = |network: &str| {
        let network = tx.get::<Network>(network)?;
        address_scope::of_network(tx.view(), &network, 6)
    };
    let outer = router.gateway.as_ref().and_then(|g| scope(&g.network));
    let inner = scope(&port.network);
    if outer == inner {
        return Ok(());
    }
    let text = |id: Option<crate::model::AddressScopeId>| id.map_or_else(|| "None".to_owned(), |id| id.to_string());
    Err(NetError::AddressScopeConflict { outer: text(outer), inner: text(inner) }.into())
}
