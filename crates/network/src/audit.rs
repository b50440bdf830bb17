//! The invariants, looked at from outside: what is claimed, counted and held against what is there. Each leak is a sentence that
//! names the object.

use crate::{
    Settings,
    driver::NetworkBackend,
    model::{
        AddressGroup, AddressScope, FloatingIp, Network, Port, PortForwarding, RbacPolicy, Resource, Router,
        SecurityGroup, SecurityGroupRule, Subnet, SubnetPool, Trunk, address::AddressClaim, logical, port::Role,
        quota::QUOTAS, security_group::RemoteSpec, trunk::TrunkEnd,
    },
};
use kernel::{ProjectId, Result};
use ports::quota::QuotaUsage;
use std::collections::{BTreeMap, BTreeSet};
use store::{Snapshot, Unique};

/// What is wrong; empty if nothing is. Errors only if the back end cannot be asked.
pub async fn audit(snapshot: &Snapshot, settings: &Settings, backend: &dyn NetworkBackend) -> Result<Vec<String>> {
    let mut leaks = Vec::new();
    addresses(snapshot, &mut leaks);
    mac_addresses(snapshot, &mut leaks);
    references(snapshot, &mut leaks);
    usage(snapshot, &mut leaks);
    marks(snapshot, &mut leaks);
    let held = backend.dump().await?;
    let wanted: BTreeMap<_, _> =
        logical::all(snapshot, settings).iter().map(|object| (object.key(), object.digest())).collect();
    for key in held.keys().chain(wanted.keys()).collect::<BTreeSet<_>>() {
        match (held.get(key), wanted.get(key)) {
            (Some(held), Some(wanted)) if held == wanted => {}
            (Some(_), Some(_)) => leaks.push(format!("the back end holds {key} otherwise than it should")),
            (Some(_), None) => leaks.push(format!("the back end holds {key}, which nothing asks for")),
            (None, _) => leaks.push(format!("the back end lacks {key}")),
        }
    }
    Ok(leaks)
}

fn addresses(snapshot: &Snapshot, leaks: &mut Vec<String>) {
    let mut had = BTreeMap::new();
    for port in snapshot.all::<Port>() {
        for ip in &port.fixed_ips {
            let key = AddressClaim::id(&port.network, ip.address);
            if let Some(other) = had.insert(key.clone(), port.id.clone()) {
                leaks.push(format!("address {} is on both port {other} and port {}", ip.address, port.id));
            }
            let claim = snapshot.get::<AddressClaim>(&key);
            if claim.is_none_or(|c| c.port != port.id || c.subnet != ip.subnet) {
                leaks.push(format!("address {} of port {} is not claimed for it", ip.address, port.id));
            }
        }
    }
    for claim in snapshot.all::<AddressClaim>() {
        if !had.contains_key(&AddressClaim::id(&claim.network, claim.address)) {
            leaks.push(format!("address {} is claimed for port {}, which has it not", claim.address, claim.port));
        }
    }
}

fn mac_addresses(snapshot: &Snapshot, leaks: &mut Vec<String>) {
    for claim in snapshot.with_prefix::<Unique>("network.mac/") {
        let port = snapshot.get::<Port>(&claim.owner);
        if port.is_none_or(|p| p.mac != claim.value) {
            leaks.push(format!("MAC address {} is claimed for port {}, which has it not", claim.value, claim.owner));
        }
    }
    for port in snapshot.all::<Port>() {
        let key = Unique::id(&format!("network.mac/{}", port.network), &port.mac);
        if snapshot.get::<Unique>(&key).is_none_or(|c| c.owner != *port.id) {
            leaks.push(format!("MAC address {} of port {} is not claimed for it", port.mac, port.id));
        }
    }
}

fn references(snapshot: &Snapshot, leaks: &mut Vec<String>) {
    for port in snapshot.all::<Port>() {
        if !snapshot.contains::<Network>(&port.network) {
            leaks.push(format!("port {} is on network {}, which is gone", port.id, port.network));
        }
        for group in port.security_groups.iter().filter(|g| !snapshot.contains::<SecurityGroup>(g)) {
            leaks.push(format!("port {} is in security group {group}, which is gone", port.id));
        }
        for fip in &port.floating_ips {
            let leads_here = |f: &FloatingIp| f.target.as_ref().is_some_and(|t| t.port == port.id);
            if !snapshot.get::<FloatingIp>(fip).is_some_and(|f| leads_here(&f)) {
                leaks.push(format!("port {} says that floating IP {fip} leads to it, which it does not", port.id));
            }
        }
        let owned = match port.role() {
            Role::RouterInterface | Role::RouterGateway => snapshot.contains::<Router>(&port.device_id),
            Role::FloatingIp => snapshot.contains::<FloatingIp>(&port.device_id),
            _ => true,
        };
        if !owned && !port.device_id.is_empty() {
            leaks.push(format!("port {} is {} of {}, which is gone", port.id, port.device_owner, port.device_id));
        }
    }
    for subnet in snapshot.all::<Subnet>() {
        if !snapshot.get::<Network>(&subnet.network).is_some_and(|n| n.subnets.contains(&subnet.id)) {
            leaks.push(format!("subnet {} is not among those of network {}", subnet.id, subnet.network));
        }
    }
    for pool in snapshot.all::<SubnetPool>() {
        if let Some(scope) = pool.address_scope.as_ref().filter(|id| !snapshot.contains::<AddressScope>(id)) {
            leaks.push(format!("subnet pool {} is in address scope {scope}, which is gone", pool.id));
        }
    }
    for router in snapshot.all::<Router>() {
        for port in router.interfaces.iter().chain(router.gateways().map(|g| &g.port)) {
            if !snapshot.contains::<Port>(port) {
                leaks.push(format!("router {} has the port {port}, which is gone", router.id));
            }
        }
    }
    for fip in snapshot.all::<FloatingIp>() {
        let ports = fip.target.as_ref().map(|t| &t.port).into_iter().chain([&fip.external_port]);
        for port in ports.filter(|p| !snapshot.contains::<Port>(p)) {
            leaks.push(format!("floating IP {} has the port {port}, which is gone", fip.id));
        }
    }
    trunks(snapshot, leaks);
    forwardings(snapshot, leaks);
    for rule in snapshot.all::<SecurityGroupRule>() {
        if !snapshot.contains::<SecurityGroup>(&rule.group) {
            leaks.push(format!("rule {} is in security group {}, which is gone", rule.id, rule.group));
        }
        if let RemoteSpec::AddressGroup(group) = &rule.matches.remote
            && !snapshot.contains::<AddressGroup>(group)
        {
            leaks.push(format!("rule {} refers to address group {group}, which is gone", rule.id));
        }
    }
}

/// A port forwarding, its floating IP and its port say the same of each other.
fn forwardings(snapshot: &Snapshot, leaks: &mut Vec<String>) {
    let of_fips = snapshot.all::<FloatingIp>().flat_map(|f| f.forwards.clone()).flat_map(|f| f.ids);
    let of_ports = snapshot.all::<Port>().flat_map(|p| p.forwardings.clone());
    let gone = of_fips.chain(of_ports).filter(|id| !snapshot.contains::<PortForwarding>(id));
    leaks.extend(gone.map(|id| format!("somebody has the port forwarding {id}, which is gone")));
    for pf in snapshot.all::<PortForwarding>() {
        let fip = snapshot.get::<FloatingIp>(&pf.fip).and_then(|f| f.forwards.clone());
        if !fip.is_some_and(|f| f.ids.contains(&pf.id)) {
            leaks.push(format!("floating IP {} does not know of its port forwarding {}", pf.fip, pf.id));
        }
        if !snapshot.get::<Port>(&pf.port).is_some_and(|p| p.forwardings.contains(&pf.id)) {
            leaks.push(format!("port {} does not know of port forwarding {}, which leads to it", pf.port, pf.id));
        }
    }
}

/// A trunk and its ports say the same of each other.
fn trunks(snapshot: &Snapshot, leaks: &mut Vec<String>) {
    let mut ends = BTreeMap::new();
    for trunk in snapshot.all::<Trunk>() {
        ends.insert(trunk.port.clone(), TrunkEnd::Parent { trunk: trunk.id.clone() });
        for sub in &trunk.sub_ports {
            let (trunk, parent) = (trunk.id.clone(), trunk.port.clone());
            ends.insert(sub.port.clone(), TrunkEnd::Sub { trunk, parent, vlan: sub.vlan });
        }
    }
    for port in snapshot.all::<Port>() {
        let end = ends.remove(&port.id);
        if end != port.trunk {
            leaks.push(format!("port {} says {:?} of its trunk, which says {end:?}", port.id, port.trunk));
        }
    }
    leaks.extend(ends.keys().map(|port| format!("a trunk has the port {port}, which is gone")));
}

/// Counts again what the quotas counted.
fn usage(snapshot: &Snapshot, leaks: &mut Vec<String>) {
    let mut counted: BTreeMap<(ProjectId, &'static str), i64> = BTreeMap::new();
    count::<Network>(snapshot, &mut counted);
    count::<Subnet>(snapshot, &mut counted);
    count::<SubnetPool>(snapshot, &mut counted);
    count::<Port>(snapshot, &mut counted);
    count::<Router>(snapshot, &mut counted);
    count::<FloatingIp>(snapshot, &mut counted);
    count::<Trunk>(snapshot, &mut counted);
    count::<SecurityGroup>(snapshot, &mut counted);
    count::<SecurityGroupRule>(snapshot, &mut counted);
    for policy in snapshot.all::<RbacPolicy>() {
        *counted.entry((policy.project.clone(), "rbac_policy")).or_default() += 1;
    }
    counted.retain(|(project, _), _| !project.is_empty());
    let mut projects: BTreeSet<_> = counted.keys().map(|(project, _)| project.clone()).collect();
    projects.extend(snapshot.with_prefix::<QuotaUsage>("network/").map(|u| u.project.clone()));
    for project in projects {
        for (resource, used) in QUOTAS.used(snapshot, &project) {
            let there = counted.iter().find(|((p, r), _)| *p == project && **r == *resource).map_or(0, |(_, n)| *n);
            if used != there {
                leaks.push(format!("project {project} is charged for {used} {resource}, there are {there}"));
            }
        }
    }
}

fn count<R: Resource>(snapshot: &Snapshot, counted: &mut BTreeMap<(ProjectId, &'static str), i64>) {
    for object in snapshot.all::<R>() {
        *counted.entry((object.project().clone(), R::NAME)).or_default() += 1;
    }
}

/// Deletions that nobody has carried to their end yet.
fn marks(snapshot: &Snapshot, leaks: &mut Vec<String>) {
    let networks = snapshot.all::<Network>().filter(|n| n.deleting).map(|n| format!("network {}", n.id));
    let subnets = snapshot.all::<Subnet>().filter(|s| s.deleting).map(|s| format!("subnet {}", s.id));
    let groups = snapshot.all::<SecurityGroup>().filter(|g| g.deleting).map(|g| format!("security group {}", g.id));
    leaks
        .extend(networks.chain(subnets).chain(groups).map(|what| format!("{what} has been being deleted for a while")));
}
