use super::validate;
use crate::{
    Network as Service,
    error::NetError,
    model::{
        Network, Port, Resource, SegmentId, Subnet,
        address::{AddressClaim, Pool, check_pools, outside_pools},
        port::Role,
        subnet::Route,
    },
    ops::{
        access::{Reach, Set, change},
        common::{Env, Expect, expected, save, touch},
        network::metadata,
    },
    policy::subnet as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::{net::IpAddr, sync::Arc};
use store::Tx;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SubnetChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    #[serde(deserialize_with = "crate::ops::common::given")]
    pub gateway_ip: Option<Option<IpAddr>>,
    pub allocation_pools: Option<Vec<Pool>>,
    pub dns_nameservers: Option<Vec<IpAddr>>,
    pub host_routes: Option<Vec<Route>>,
    pub enable_dhcp: Option<bool>,
    pub service_types: Option<Vec<String>>,
    pub dns_publish_fixed_ip: Option<bool>,
    #[serde(deserialize_with = "crate::ops::common::given")]
    pub segment_id: Option<Option<SegmentId>>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: SubnetChanges,
    expect: Expect,
) -> Result<Arc<Subnet>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Subnet>(cx, &snapshot, &reach, id, &rules::UPDATE, set)?;
    validate::service_types(changes.service_types.as_deref().unwrap_or_default())?;
    let (env, id) = (net.env(), id.to_owned());
    net.store().transact("network.subnet.update", move |tx| apply(tx, &env, &id, &changes, expect)).await
}

fn apply(tx: &mut Tx, env: &Env, id: &str, changes: &SubnetChanges, expect: Expect) -> Result<Arc<Subnet>> {
    let old = expected::<Subnet>(tx, id, expect)?;
    let mut new = Subnet::clone(&old);
    if let Some(name) = &changes.name {
        new.name.clone_from(name);
    }
    if let Some(description) = &changes.description {
        new.standard.description.clone_from(description);
    }
    apply_advice(&mut new, changes, env)?;
    apply_dhcp(&mut new, changes)?;
    apply_ranges(tx, &old, &mut new, changes)?;
    if let Some(types) = &changes.service_types {
        new.service_types.clone_from(types);
    }
    new.dns_published = changes.dns_publish_fixed_ip.unwrap_or(old.dns_published);
    if let Some(segment) = &changes.segment_id {
        move_to_segment(tx, &old, segment.as_ref())?;
        new.segment.clone_from(segment);
    }
    let dhcp_changed = new.dhcp != old.dhcp;
    let saved = save(tx, &old, new, env.now);
    if dhcp_changed {
        // Whoever changes which subnets have DHCP writes the network, so that two at once conflict.
        touch::<Network>(tx, &saved.network, env.now);
        metadata::sync(tx, env, &saved.network)?;
    }
    Ok(saved)
}

/// What guests are told.
fn apply_advice(subnet: &mut Subnet, changes: &SubnetChanges, env: &Env) -> Result<()> {
    if let Some(dns) = &changes.dns_nameservers {
        validate::nameservers(dns, subnet.is_v6(), &subnet.id, &env.settings)?;
        subnet.dns.clone_from(dns);
    }
    if let Some(routes) = &changes.host_routes {
        validate::host_routes(routes, subnet.is_v6(), &subnet.id, &env.settings)?;
        subnet.routes.clone_from(routes);
    }
    Ok(())
}

fn apply_dhcp(subnet: &mut Subnet, changes: &SubnetChanges) -> Result<()> {
    let Some(dhcp) = changes.enable_dhcp else { return Ok(()) };
    if dhcp && !subnet.dhcp {
        validate::prefix(&subnet.cidr, subnet.is_v6(), true)?;
    }
    if !dhcp && (subnet.ra_mode.is_some() || subnet.address_mode.is_some()) {
        return Err(NetError::input("Cannot disable enable_dhcp with ipv6 attributes set").into());
    }
    subnet.dhcp = dhcp;
    Ok(())
}

fn apply_ranges(tx: &mut Tx, old: &Subnet, new: &mut Subnet, changes: &SubnetChanges) -> Result<()> {
    if let Some(pools) = &changes.allocation_pools {
        check_pools(pools, &old.cidr)?;
        new.pools.clone_from(pools);
    }
    if let Some(gateway) = changes.gateway_ip {
        if let Some(gateway) = gateway {
            validate::gateway(&old.cidr, gateway)?;
        }
        if gateway != old.gateway {
            gateway_is_free(tx, old)?;
        }
        new.gateway = gateway;
    }
    match new.gateway {
        Some(gateway) if changes.allocation_pools.is_some() || new.gateway != old.gateway => {
            outside_pools(gateway, &new.pools).map_err(Into::into)
        }
        _ => Ok(()),
    }
}

/// The old gateway's address may be a router's; then it stays the gateway.
fn gateway_is_free(tx: &mut Tx, subnet: &Subnet) -> Result<()> {
    let Some(gateway) = subnet.gateway else { return Ok(()) };
    let claim = tx.get::<AddressClaim>(&AddressClaim::id(&subnet.network, gateway));
    let port = claim.and_then(|c| tx.get::<Port>(&c.port));
    match port.filter(|p| p.role() == Role::RouterInterface) {
        Some(port) => Err(NetError::GatewayIpInUse { gateway, port: port.id.to_string() }.into()),
        None => Ok(()),
    }
}

/// A subnet may come to the only segment of its network, and then stays there.
fn move_to_segment(tx: &mut Tx, subnet: &Subnet, segment: Option<&SegmentId>) -> Result<()> {
    if subnet.segment.as_ref() == segment {
        return Ok(());
    }
    if subnet.segment.is_some() {
        return Err(NetError::SubnetSegmentAssociationChangeNotAllowed.into());
    }
    let network = tx.get::<Network>(&subnet.network).ok_or_else(|| Network::not_found(&subnet.network))?;
    if network.segments.len() > 1 {
        let network = network.id.to_string();
        return Err(NetError::NoUpdateSubnetWhenMultipleSegmentsOnNetwork { network }.into());
    }
    validate::segment(&network, segment)
}
