//! Which logical objects a change of a stored object may touch.

use super::own_key;
use crate::{
    driver::LogicalKey,
    model::{
        AddressGroup, FloatingIp, Log, NdpProxy, Network, Port, PortForwarding, QosPolicy, Resource, Router,
        SecurityGroup, SecurityGroupRule, Subnet, port::Role,
    },
};
use kernel::{RouterId, SubnetId};
use std::{collections::BTreeSet, sync::Arc};
use store::{Batch, Change, Snapshot};

/// The keys that a batch of changes may touch. `snapshot` is of that revision or later: what is read there is only who is
/// connected with what, and whoever came or went meanwhile has a change of its own.
pub fn affected(batch: &Batch, snapshot: &Snapshot) -> BTreeSet<LogicalKey> {
    let mut keys = BTreeSet::new();
    for event in &batch.events {
        if let Some(change) = event.of::<Port>() {
            both(change, |port| port_keys(&port, snapshot, &mut keys));
        } else if let Some(change) = event.of::<Network>() {
            let policies = [&change.old, &change.new].map(|n| n.as_ref().and_then(|n| n.qos.clone()));
            if policies[0] != policies[1]
                && let Some(network) = change.new.as_ref().or(change.old.as_ref())
            {
                limited_by(network, snapshot, &mut keys);
            }
            both(change, |network| network_keys(&network, snapshot, &mut keys));
        } else if let Some(change) = event.of::<Subnet>() {
            both(change, |subnet| subnet_keys(&subnet, snapshot, &mut keys));
        } else if let Some(change) = event.of::<Router>() {
            both(change, |router| {
                keys.insert(LogicalKey::Router(router.id.clone()));
                // Which of its gateways a floating IP is behind.
                keys.extend(floating_ips(&router.id, snapshot));
            });
        } else if let Some(change) = event.of::<FloatingIp>() {
            both(change, |fip| {
                keys.insert(LogicalKey::FloatingIp(fip.id.clone()));
                let forwards = fip.forwards.iter().flat_map(|f| f.ids.iter().cloned());
                keys.extend(forwards.map(LogicalKey::PortForwarding));
            });
        } else if let Some(change) = event.of::<SecurityGroup>() {
            both(change, |group| {
                keys.insert(LogicalKey::SecurityGroup(group.id.clone()));
            });
        } else if let Some(change) = event.of::<SecurityGroupRule>() {
            both(change, |rule| {
                keys.insert(LogicalKey::SecurityGroup(rule.group.clone()));
            });
        } else if let Some(change) = event.of::<PortForwarding>() {
            both(change, |pf| {
                keys.insert(LogicalKey::PortForwarding(pf.id.clone()));
            });
        } else if let Some(change) = event.of::<NdpProxy>() {
            both(change, |proxy| {
                keys.insert(LogicalKey::Router(proxy.router.clone()));
            });
        } else if let Some(change) = event.of::<Log>() {
            both(change, |log| logged_by(&log, snapshot, &mut keys));
        } else if let Some(change) = event.of::<QosPolicy>() {
            both(change, |policy| policy_keys(&policy, snapshot, &mut keys));
        } else if let Some(change) = event.of::<AddressGroup>() {
            both(change, |group| {
                let rules = snapshot.by(SecurityGroupRule::BY_ADDRESS_GROUP, &group.id);
                keys.extend(rules.map(|rule| LogicalKey::SecurityGroup(rule.group.clone())));
            });
        }
    }
    keys
}

fn logged_by(log: &Log, snapshot: &Snapshot, keys: &mut BTreeSet<LogicalKey>) {
    match &log.group {
        Some(group) => {
            keys.insert(LogicalKey::SecurityGroup(group.clone()));
        }
        None => {
            let groups = snapshot.by(SecurityGroup::BY_PROJECT, log.project());
            keys.extend(groups.map(|group| LogicalKey::SecurityGroup(group.id.clone())));
        }
    }
}

/// What was counts as much as what is: a port that left a router changes that router.
fn both<T>(change: Change<T>, mut f: impl FnMut(Arc<T>)) {
    change.old.into_iter().chain(change.new).for_each(&mut f);
}

fn port_keys(port: &Port, snapshot: &Snapshot, keys: &mut BTreeSet<LogicalKey>) {
    keys.extend(own_key(port));
    keys.extend(port.floating_ips.iter().map(|id| LogicalKey::FloatingIp(id.clone())));
    match port.role() {
        // Its subnets' prefixes are behind the router; its address is the router's.
        Role::RouterInterface | Role::RouterGateway if !port.device_id.is_empty() => {
            keys.insert(LogicalKey::Router(RouterId::from(port.device_id.as_str())));
            if port.role() == Role::RouterGateway {
                keys.extend(floating_ips(&port.device_id, snapshot));
            }
        }
        Role::Metadata => keys.extend(subnets_of(&port.network, snapshot)),
        Role::FloatingIp => {
            keys.insert(LogicalKey::FloatingIp(port.device_id.as_str().into()));
        }
        _ => {}
    }
}

fn floating_ips<'a>(router: &'a str, snapshot: &'a Snapshot) -> impl Iterator<Item = LogicalKey> + 'a {
    snapshot.by(FloatingIp::BY_ROUTER, router).map(|fip| LogicalKey::FloatingIp(fip.id.clone()))
}

fn subnets_of(network: &str, snapshot: &Snapshot) -> Vec<LogicalKey> {
    let subnets = snapshot.get::<Network>(network).map(|n| n.subnets.clone()).unwrap_or_default();
    subnets.into_iter().map(LogicalKey::Subnet).collect()
}

fn network_keys(network: &Network, snapshot: &Snapshot, keys: &mut BTreeSet<LogicalKey>) {
    keys.insert(LogicalKey::Network(network.id.clone()));
    // MTU and domain.
    keys.extend(network.subnets.iter().cloned().map(LogicalKey::Subnet));
    keys.extend(router_ports(network, snapshot).map(|p| LogicalKey::RouterInterface(p.id.clone())));
}

fn router_ports<'a>(network: &'a Network, snapshot: &'a Snapshot) -> impl Iterator<Item = Arc<Port>> + 'a {
    let ports = snapshot.by(Port::BY_NETWORK, &network.id);
    ports.filter(|p| matches!(p.role(), Role::RouterInterface))
}

/// What has its limits from its network.
fn limited_by(network: &Network, snapshot: &Snapshot, keys: &mut BTreeSet<LogicalKey>) {
    for port in snapshot.by(Port::BY_NETWORK, &network.id) {
        match port.role() {
            Role::Guest => keys.extend(own_key(&port)),
            Role::FloatingIp | Role::RouterGateway => port_keys(&port, snapshot, keys),
            Role::RouterInterface | Role::Metadata | Role::Dhcp => {}
        }
    }
}

fn policy_keys(policy: &QosPolicy, snapshot: &Snapshot, keys: &mut BTreeSet<LogicalKey>) {
    keys.extend(snapshot.by(Port::BY_QOS, &policy.id).filter_map(|port| own_key(&port)));
    keys.extend(snapshot.by(FloatingIp::BY_QOS, &policy.id).map(|fip| LogicalKey::FloatingIp(fip.id.clone())));
    keys.extend(snapshot.by(Router::BY_QOS, &policy.id).map(|router| LogicalKey::Router(router.id.clone())));
    for network in snapshot.by(Network::BY_QOS, &policy.id) {
        limited_by(&network, snapshot, keys);
    }
}

fn subnet_keys(subnet: &Subnet, snapshot: &Snapshot, keys: &mut BTreeSet<LogicalKey>) {
    keys.insert(LogicalKey::Subnet(subnet.id.clone()));
    // Prefix length, mode and next hop show at the routers that have an address here.
    for port in ports_on(&subnet.id, snapshot) {
        if matches!(port.role(), Role::RouterInterface | Role::RouterGateway) {
            keys.extend(own_key(&port));
            keys.insert(LogicalKey::Router(RouterId::from(port.device_id.as_str())));
        }
    }
}

fn ports_on(subnet: &SubnetId, snapshot: &Snapshot) -> Vec<Arc<Port>> {
    use crate::model::address::AddressClaim;
    let claims = snapshot.by(AddressClaim::BY_SUBNET, subnet);
    claims.filter_map(|claim| snapshot.get::<Port>(&claim.port)).collect()
}
