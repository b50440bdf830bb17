//! Logical objects as the northbound's resources: Neutron's own, with its names for their attributes. What Neutron has no name
//! for stands under `tstack:…`, where a controller that does not know it finds it harmless.
//!
//! An object may be several resources: a security group's rules are, and a router's gateways are ports beside it. The order is
//! that in which they are to be made.

use ipnet::IpNet;
use kernel::RouterId;
use network::driver::{
    Direction, Ipv6Mode, LFloatingIp, LGateway, LNetwork, LPort, LPortForwarding, LRouter, LRouterInterface, LRule,
    LSecurityGroup, LSubnet, Logical, LogicalKey, NetworkKind, PortRole, Remote,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What the northbound has lists of. The order is that in which they may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Collection {
    Networks,
    Subnets,
    SecurityGroups,
    SecurityGroupRules,
    Ports,
    Routers,
    FloatingIps,
    PortForwardings,
}

impl Collection {
    pub const EVERY: [Self; 8] = [
        Self::Networks,
        Self::Subnets,
        Self::SecurityGroups,
        Self::SecurityGroupRules,
        Self::Ports,
        Self::Routers,
        Self::FloatingIps,
        Self::PortForwardings,
    ];

    pub fn path(self) -> &'static str {
        match self {
            Self::Networks => "networks",
            Self::Subnets => "subnets",
            Self::SecurityGroups => "security-groups",
            Self::SecurityGroupRules => "security-group-rules",
            Self::Ports => "ports",
            Self::Routers => "routers",
            Self::FloatingIps => "floatingips",
            Self::PortForwardings => "port-forwardings",
        }
    }

    /// The key of the list in an answer.
    pub fn many(self) -> String {
        self.path().replace('-', "_")
    }

    /// The key of one in a body.
    pub fn one(self) -> String {
        self.many().trim_end_matches('s').to_owned()
    }
}

/// One resource, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    pub collection: Collection,
    pub id: String,
    pub body: Map<String, Value>,
}

const INTERFACE: &str = "network:router_interface";
const GATEWAY: &str = "network:router_gateway";

pub fn resources(object: &Logical) -> Vec<Resource> {
    match object {
        Logical::Network(o) => vec![resource(Collection::Networks, &o.id, network(o))],
        Logical::Subnet(o) => vec![resource(Collection::Subnets, &o.id, subnet(o))],
        Logical::SecurityGroup(o) => group(o),
        Logical::Port(o) => vec![resource(Collection::Ports, &o.id, port(o))],
        Logical::Router(o) => router(o),
        Logical::RouterInterface(o) => vec![resource(Collection::Ports, &o.port, interface(o))],
        Logical::FloatingIp(o) => vec![resource(Collection::FloatingIps, &o.id, floating_ip(o))],
        Logical::PortForwarding(o) => vec![resource(Collection::PortForwardings, &o.id, forwarding(o))],
    }
}

/// The object that a resource found at the controller is a part of.
pub fn key_of(collection: Collection, body: &Value) -> Option<LogicalKey> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let id = text("id")?;
    Some(match collection {
        Collection::Networks => LogicalKey::Network(id.into()),
        Collection::Subnets => LogicalKey::Subnet(id.into()),
        Collection::SecurityGroups => LogicalKey::SecurityGroup(id.into()),
        Collection::SecurityGroupRules => LogicalKey::SecurityGroup(text("security_group_id")?.into()),
        Collection::Ports => match text("device_owner") {
            Some(INTERFACE) => LogicalKey::RouterInterface(id.into()),
            Some(GATEWAY) => LogicalKey::Router(text("device_id")?.into()),
            _ => LogicalKey::Port(id.into()),
        },
        Collection::Routers => LogicalKey::Router(id.into()),
        Collection::FloatingIps => LogicalKey::FloatingIp(id.into()),
        Collection::PortForwardings => LogicalKey::PortForwarding(id.into()),
    })
}

fn resource(collection: Collection, id: &str, body: Value) -> Resource {
    let mut body = if let Value::Object(map) = body { map } else { Map::new() };
    body.insert("id".to_owned(), id.into());
    Resource { collection, id: id.to_owned(), body }
}

fn network(o: &LNetwork) -> Value {
    let (kind, physical, number) = match &o.kind {
        NetworkKind::Overlay { tunnel_key } => ("geneve", None, Some(*tunnel_key)),
        NetworkKind::Provider { physical, vlan: None } => ("flat", Some(physical), None),
        NetworkKind::Provider { physical, vlan: Some(tag) } => ("vlan", Some(physical), Some(u32::from(*tag))),
    };
    json!({
        "name": o.name, "admin_state_up": o.admin_up, "mtu": o.mtu, "dns_domain": o.dns_domain,
        "provider:network_type": kind, "provider:physical_network": physical, "provider:segmentation_id": number,
    })
}

fn subnet(o: &LSubnet) -> Value {
    let routes: Vec<_> = o.host_routes.iter().map(|(to, via)| json!({"destination": to, "nexthop": via})).collect();
    json!({
        "network_id": o.network, "cidr": o.cidr, "ip_version": if o.cidr.addr().is_ipv4() { 4 } else { 6 },
        "gateway_ip": o.gateway, "enable_dhcp": o.dhcp, "dns_nameservers": o.dns, "host_routes": routes,
        "ipv6_address_mode": o.ipv6.and_then(mode), "ipv6_ra_mode": o.ipv6.and_then(mode),
        "tstack:metadata_via": o.metadata_via, "tstack:mtu": o.mtu, "tstack:dns_domain": o.dns_domain,
    })
}

fn mode(mode: Ipv6Mode) -> Option<&'static str> {
    match mode {
        Ipv6Mode::Slaac => Some("slaac"),
        Ipv6Mode::DhcpStateful => Some("dhcpv6-stateful"),
        Ipv6Mode::DhcpStateless => Some("dhcpv6-stateless"),
        Ipv6Mode::None => None,
    }
}

fn port(o: &LPort) -> Value {
    let ips: Vec<_> =
        o.addresses.iter().map(|(address, subnet)| json!({"subnet_id": subnet, "ip_address": address})).collect();
    let pairs: Vec<_> = o.allowed_pairs.iter().map(|(mac, ip)| json!({"mac_address": mac, "ip_address": ip})).collect();
    let options: Vec<_> =
        o.dhcp_options.iter().map(|(name, value)| json!({"opt_name": name, "opt_value": value})).collect();
    let carried = o.carrier.as_ref().map(|c| json!({"parent_name": c.port, "tag": c.vlan}));
    let owner = match o.role {
        PortRole::Guest => "compute:",
        PortRole::Metadata => "network:distributed",
    };
    json!({
        "network_id": o.network, "mac_address": o.mac, "fixed_ips": ips, "allowed_address_pairs": pairs,
        "port_security_enabled": o.port_security, "security_groups": o.groups, "admin_state_up": o.admin_up,
        "device_owner": owner, "device_id": "", "extra_dhcp_opts": options, "dns_name": o.hostname,
        "binding:host_id": o.host, "binding:vif_type": "ovs", "binding:vnic_type": "normal",
        "binding:profile": carried.unwrap_or_else(|| json!({})), "tstack:standby": o.standby, "tstack:qos": o.qos,
    })
}

fn router(o: &LRouter) -> Vec<Resource> {
    let routes: Vec<_> = o.routes.iter().map(|(to, via)| json!({"destination": to, "nexthop": via})).collect();
    let gateways: Vec<_> = o.gateways().map(gateway_info).collect();
    let body = json!({
        "name": o.name, "admin_state_up": o.admin_up, "routes": routes, "distributed": true,
        "external_gateway_info": gateways.first(), "external_gateways": gateways,
        "gw_port_id": o.gateway.as_ref().map(|g| &g.port),
    });
    // The router names its gateways' ports.
    let ports = o.gateways().map(|g| resource(Collection::Ports, &g.port, gateway_port(&o.id, g)));
    ports.chain([resource(Collection::Routers, &o.id, body)]).collect()
}

fn gateway_info(g: &LGateway) -> Value {
    json!({
        "network_id": g.network, "enable_snat": g.snat, "external_fixed_ips": addresses(&g.addresses),
        "tstack:next_hops": g.next_hops, "tstack:snat_sources": g.snat_sources, "tstack:qos": g.qos,
    })
}

fn gateway_port(router: &RouterId, g: &LGateway) -> Value {
    json!({
        "network_id": g.network, "mac_address": g.mac, "fixed_ips": addresses(&g.addresses), "admin_state_up": true,
        "device_owner": GATEWAY, "device_id": router,
    })
}

fn interface(o: &LRouterInterface) -> Value {
    json!({
        "network_id": o.network, "mac_address": o.mac, "fixed_ips": addresses(&o.addresses), "admin_state_up": true,
        "device_owner": INTERFACE, "device_id": o.router, "tstack:mtu": o.mtu,
        "tstack:ipv6_ra_mode": o.ipv6.and_then(mode),
    })
}

fn addresses(addresses: &[IpNet]) -> Vec<Value> {
    addresses.iter().map(|net| json!({"ip_address": net.addr(), "tstack:prefix_length": net.prefix_len()})).collect()
}

fn floating_ip(o: &LFloatingIp) -> Value {
    json!({
        "router_id": o.router, "floating_ip_address": o.external, "fixed_ip_address": o.internal, "port_id": o.port,
        "tstack:mac_address": o.mac, "tstack:qos": o.limit,
    })
}

fn forwarding(o: &LPortForwarding) -> Value {
    json!({
        "router_id": o.router, "protocol": o.protocol,
        "external_ip_address": o.external, "external_port_range": o.external_ports.to_string(),
        "internal_ip_address": o.internal, "internal_port_range": o.internal_ports.to_string(),
    })
}

fn group(o: &LSecurityGroup) -> Vec<Resource> {
    let main = resource(Collection::SecurityGroups, &o.id, json!({"name": o.name, "stateful": o.stateful}));
    std::iter::once(main).chain(o.rules.iter().map(|r| rule(o, r))).collect()
}

/// A rule's id is made of what it says, so a rule that stays is the same resource.
fn rule(group: &LSecurityGroup, r: &LRule) -> Resource {
    let (prefix, remote) = match &r.remote {
        Remote::Any => (None, None),
        Remote::Prefix(prefix) => (Some(prefix), None),
        Remote::Group(id) => (None, Some(id)),
    };
    let body = json!({
        "security_group_id": group.id, "ethertype": if r.v6 { "IPv6" } else { "IPv4" },
        "direction": match r.direction { Direction::Ingress => "ingress", Direction::Egress => "egress" },
        "protocol": r.protocol, "port_range_min": r.range.map(|(min, _)| min),
        "port_range_max": r.range.and_then(|(_, max)| max), "remote_ip_prefix": prefix, "remote_group_id": remote,
    });
    let space = Uuid::try_parse(&group.id).unwrap_or_default();
    let id = Uuid::new_v5(&space, body.to_string().as_bytes()).to_string();
    resource(Collection::SecurityGroupRules, &id, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::objects::one_of_everything;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_rendered_is_recognized() {
        for object in one_of_everything() {
            let resources = resources(&object);
            assert!(!resources.is_empty(), "{object:?}");
            for part in &resources {
                let body = Value::Object(part.body.clone());
                assert_eq!(key_of(part.collection, &body), Some(object.key()), "{part:?}");
                assert_eq!(body["id"], json!(part.id));
            }
            let ids: BTreeSet<_> = resources.iter().map(|r| (r.collection, r.id.clone())).collect();
            assert_eq!(ids.len(), resources.len(), "no part comes twice");
        }
    }

    #[test]
    fn rules_that_say_the_same_are_the_same() {
        let groups = one_of_everything();
        let group = groups.iter().find_map(|o| if let Logical::SecurityGroup(g) = o { Some(g) } else { None }).unwrap();
        let again = resources(&Logical::SecurityGroup(LSecurityGroup { name: "other".into(), ..group.clone() }));
        let first = resources(&Logical::SecurityGroup(group.clone()));
        assert_eq!(first[1..], again[1..]);
        assert_ne!(first[0], again[0]);
    }

    #[test]
    fn names_of_lists() {
        assert_eq!(Collection::SecurityGroupRules.path(), "security-group-rules");
        assert_eq!(Collection::SecurityGroupRules.many(), "security_group_rules");
        assert_eq!(Collection::SecurityGroupRules.one(), "security_group_rule");
        assert_eq!(Collection::FloatingIps.one(), "floatingip");
    }
}
