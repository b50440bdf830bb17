//! A router's gateway: a port of the service on an external network.

use super::distinct;
use crate::{
    error::NetError,
    model::{
        FloatingIp, Network, Port, QosPolicyId, Resource, Router, Subnet, port::owner, rbac, rbac::Action,
        router::Gateway,
    },
    ops::{
        access::Reach,
        common::Env,
        ndp_proxy,
        port::{
            self,
            address::{AskedIp, reassign},
            create::NewPort,
        },
        qos,
    },
};
use kernel::{PortId, ProjectId, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

/// `external_gateway_info` as it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct GatewayAsked {
    pub network_id: Option<String>,
    pub enable_snat: Option<bool>,
    pub external_fixed_ips: Option<Vec<AskedIp>>,
    #[serde(default, deserialize_with = "crate::ops::common::given")]
    pub qos_policy_id: Option<Option<QosPolicyId>>,
}

/// Gives a router the gateway asked for; without a network it loses the one it has.
pub(crate) fn set(tx: &mut Tx, env: &Env, reach: &Reach, router: &mut Router, asked: &GatewayAsked) -> Result<()> {
    let Some(network) = asked.network_id.as_deref() else { return clear(tx, env, router) };
    let network = usable(tx, reach, network, asked)?;
    match router.gateway.clone().filter(|g| g.network == network.id) {
        Some(mut gateway) => {
            adjust(tx, env, reach, &network, &mut gateway, asked)?;
            router.gateway = Some(gateway);
        }
        None => {
            clear(tx, env, router)?;
            let new = attach(tx, env, reach, router, &network, asked)?;
            let others: Vec<_> = router.gateways().cloned().collect();
            router.set_gateways(std::iter::once(new).chain(others));
        }
    }
    Ok(())
}

/// The network of a gateway asked for, if the caller may have one there with these addresses.
pub(super) fn usable(tx: &mut Tx, reach: &Reach, network: &str, asked: &GatewayAsked) -> Result<Arc<Network>> {
    let network = external(tx, reach, network)?;
    not_the_gateways(tx, &network, asked.external_fixed_ips.as_deref().unwrap_or_default())?;
    Ok(network)
}

/// Makes a gateway what is asked for, on the network it is on.
pub(super) fn adjust(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    network: &Network,
    gateway: &mut Gateway,
    asked: &GatewayAsked,
) -> Result<()> {
    if let Some(addresses) = asked.external_fixed_ips.as_deref().filter(|ips| !ips.is_empty()) {
        move_to(tx, env, network, &gateway.port, addresses)?;
    }
    gateway.snat = asked.enable_snat.unwrap_or(true);
    if let Some(policy) = &asked.qos_policy_id {
        qos::refer(tx, reach, gateway.qos.as_ref(), policy.as_ref(), qos::Holder::Other, env.enforced)?;
        gateway.qos.clone_from(policy);
    }
    Ok(())
}

/// An external network that the caller may use.
fn external(tx: &mut Tx, reach: &Reach, id: &str) -> Result<Arc<Network>> {
    let network = tx.get::<Network>(id).ok_or_else(|| Network::not_found(id))?;
    let project = reach.project.as_deref();
    let open = |action| rbac::grants(tx.view(), id, action, project);
    if !reach.all && !reach.is(network.project()) && !open(Action::External) && !open(Action::Shared) {
        return Err(Network::not_found(id).into());
    }
    if !network.external {
        return Err(NetError::router(format!("Network {id} is not an external network")).into());
    }
    if network.deleting {
        return Err(NetError::Deleting { what: "network", id: id.to_owned() }.into());
    }
    Ok(network)
}

fn not_the_gateways(tx: &mut Tx, network: &Network, asked: &[AskedIp]) -> Result<()> {
    for id in &network.subnets {
        let Some(gateway) = tx.get::<Subnet>(id).and_then(|s| s.gateway) else { continue };
        if asked.iter().any(|ip| ip.ip_address == Some(gateway)) {
            return Err(NetError::router(format!("External IP {gateway} is the same as the gateway IP")).into());
        }
    }
    Ok(())
}

/// A new gateway with a port of its own. The router has it when the caller says so.
pub(super) fn attach(
    tx: &mut Tx,
    env: &Env,
    reach: &Reach,
    router: &Router,
    network: &Network,
    asked: &GatewayAsked,
) -> Result<Gateway> {
    let policy = asked.qos_policy_id.clone().flatten();
    qos::refer(tx, reach, None, policy.as_ref(), qos::Holder::Other, env.enforced)?;
    let subnets: Vec<_> = network.subnets.iter().filter_map(|id| tx.get::<Subnet>(id)).collect();
    distinct(tx, router, &subnets)?;
    let id = PortId::new();
    let new = NewPort {
        device_id: router.id.to_string(),
        device_owner: owner::ROUTER_GATEWAY.to_owned(),
        fixed_ips: asked.external_fixed_ips.clone().filter(|ips| !ips.is_empty()),
        ..NewPort::on(&network.id)
    };
    // It belongs to no project: tenants do not see it, and it counts against nobody.
    port::create::insert(tx, env, &id, &ProjectId::default(), &new)?;
    Ok(Gateway { network: network.id.clone(), port: id, snat: asked.enable_snat.unwrap_or(true), qos: policy })
}

fn move_to(tx: &mut Tx, env: &Env, network: &Network, id: &PortId, asked: &[AskedIp]) -> Result<()> {
    let Some(port) = tx.get::<Port>(id) else { return Ok(()) };
    let fixed_ips = reassign(tx, network, &port, &port.mac, asked)?;
    if fixed_ips != port.fixed_ips {
        tx.update::<Port>(id, |p| {
            p.fixed_ips = fixed_ips;
            p.standard.touch(env.now);
        });
    }
    Ok(())
}

/// Takes the first gateway away, unless floating IPs need it; the next one takes its place.
pub(crate) fn clear(tx: &mut Tx, env: &Env, router: &mut Router) -> Result<()> {
    let all: Vec<_> = router.gateways().cloned().collect();
    let Some((first, others)) = all.split_first() else { return Ok(()) };
    router.set_gateways(others.iter().cloned());
    ndp_proxy::ensure_none(tx, router)?;
    release(tx, env, router, first)
}

/// Removes the port of a gateway that the router has no more. Floating IPs stay reachable: by another one on their network.
pub(super) fn release(tx: &mut Tx, env: &Env, router: &Router, gateway: &Gateway) -> Result<()> {
    let needs = |fip: &Arc<FloatingIp>| fip.network == gateway.network;
    let left = router.gateway_on(&gateway.network).is_some();
    if !left && tx.view().by(FloatingIp::BY_ROUTER, &router.id).any(|fip| needs(&fip)) {
        let (router, network) = (router.id.to_string(), gateway.network.to_string());
        return Err(NetError::RouterExternalGatewayInUseByFloatingIp { router, network }.into());
    }
    if let Some(port) = tx.get::<Port>(&gateway.port) {
        port::delete::remove(tx, &port, env.now);
    }
    Ok(())
}
