//! A small logical network to put into a back end: one of everything, with fresh ids.

use ipnet::IpNet;
use kernel::{FloatingIpId, NetworkId, PortId, RouterId, SecurityGroupId, SubnetId};
use network::driver::{
    Change, Direction, LCarrier, LFloatingIp, LFloatingLimit, LGateway, LNetwork, LPort, LPortForwarding, LQos, LRate,
    LRouter, LRouterInterface, LRule, LSecurityGroup, LSubnet, Logical, NetworkKind, PortRole, Remote,
};
use network::model::{
    PortForwardingId,
    port_forwarding::{PortRange, Protocol},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

pub const MTU: u32 = 1442;

pub fn put(object: impl Into<Logical>) -> Change {
    Change::Put(object.into())
}

pub fn remove(object: impl Into<Logical>) -> Change {
    Change::Remove(object.into().key())
}

pub fn network() -> LNetwork {
    let kind = NetworkKind::Overlay { tunnel_key: 1 };
    LNetwork { id: NetworkId::new(), name: "net".into(), mtu: MTU, kind, admin_up: true, dns_domain: String::new() }
}

pub fn provider(physical: &str) -> LNetwork {
    LNetwork { kind: NetworkKind::Provider { physical: physical.into(), vlan: None }, mtu: 1500, ..network() }
}

/// The first address is the gateway, the second the metadata port's.
pub fn subnet(network: &LNetwork, cidr: &str) -> LSubnet {
    let cidr: IpNet = cidr.parse().unwrap_or_default();
    LSubnet {
        id: SubnetId::new(),
        network: network.id.clone(),
        cidr,
        gateway: cidr.hosts().next(),
        dhcp: true,
        dns: vec![],
        host_routes: vec![],
        ipv6: None,
        metadata_via: cidr.hosts().nth(1),
        mtu: network.mtu,
        dns_domain: String::new(),
    }
}

fn mac(id: &PortId) -> String {
    let hex: String = id.as_str().chars().filter(char::is_ascii_hexdigit).take(6).collect();
    format!("fa:16:3e:{}:{}:{}", &hex[..2], &hex[2..4], &hex[4..6])
}

/// A guest's port with the subnet's address number `n` (the gateway is number 1).
pub fn port(subnet: &LSubnet, n: usize, groups: &[&LSecurityGroup]) -> LPort {
    let id = PortId::new();
    let address = subnet.cidr.hosts().nth(n.saturating_sub(1)).unwrap_or(subnet.cidr.addr());
    LPort {
        mac: mac(&id),
        id,
        network: subnet.network.clone(),
        addresses: vec![(address, subnet.id.clone())],
        allowed_pairs: vec![],
        port_security: true,
        groups: groups.iter().map(|g| g.id.clone()).collect(),
        admin_up: true,
        host: None,
        standby: BTreeSet::new(),
        role: PortRole::Guest,
        dhcp_options: BTreeMap::new(),
        hostname: String::new(),
        carrier: None,
        qos: LQos::default(),
    }
}

pub fn metadata_port(subnet: &LSubnet) -> LPort {
    LPort { role: PortRole::Metadata, port_security: false, ..port(subnet, 2, &[]) }
}

pub fn rule(direction: Direction, protocol: Option<u8>, range: Option<(u16, u16)>, remote: Remote) -> LRule {
    LRule { direction, v6: false, protocol, range: range.map(|(low, high)| (low, Some(high))), remote }
}

/// What Neutron gives to a new group: everything out.
pub fn group(rules: impl IntoIterator<Item = LRule>) -> LSecurityGroup {
    let egress = [false, true].map(|v6| LRule { v6, ..rule(Direction::Egress, None, None, Remote::Any) });
    let rules: BTreeSet<_> = rules.into_iter().chain(egress).collect();
    LSecurityGroup { id: SecurityGroupId::new(), name: "group".into(), stateful: true, rules, log: None }
}

/// A group whose rules let in TCP connections to these ports from everywhere.
pub fn tcp_group(ports: &[u16]) -> LSecurityGroup {
    group(ports.iter().map(|p| rule(Direction::Ingress, Some(6), Some((*p, *p)), Remote::Any)))
}

pub fn router() -> LRouter {
    let (routes, more_gateways) = (vec![], vec![]);
    LRouter { id: RouterId::new(), name: "router".into(), admin_up: true, routes, gateway: None, more_gateways }
}

/// The router's port with the subnet's gateway address.
pub fn interface(router: &LRouter, subnet: &LSubnet) -> LRouterInterface {
    let id = PortId::new();
    let address = subnet.gateway.and_then(|g| IpNet::new(g, subnet.cidr.prefix_len()).ok());
    LRouterInterface {
        mac: mac(&id),
        port: id,
        router: router.id.clone(),
        network: subnet.network.clone(),
        addresses: address.into_iter().collect(),
        mtu: subnet.mtu,
        ipv6: subnet.ipv6,
    }
}

/// A gateway with the external subnet's address number `n`, translating for these sources.
pub fn gateway(external: &LSubnet, n: usize, sources: &[&LSubnet]) -> LGateway {
    let id = PortId::new();
    let address =
        external.cidr.hosts().nth(n.saturating_sub(1)).and_then(|a| IpNet::new(a, external.cidr.prefix_len()).ok());
    LGateway {
        mac: mac(&id),
        port: id,
        network: external.network.clone(),
        addresses: address.into_iter().collect(),
        next_hops: external.gateway.into_iter().collect(),
        snat: true,
        snat_sources: sources.iter().map(|s| s.cidr).collect(),
        proxied: BTreeSet::new(),
        qos: LQos::default(),
    }
}

pub fn floating_ip(router: &LRouter, external: Ipv4Addr, port: &LPort) -> LFloatingIp {
    let id = FloatingIpId::new();
    LFloatingIp {
        mac: mac(&id.as_str().into()),
        id,
        router: router.id.clone(),
        external,
        internal: first_v4(port),
        port: port.id.clone(),
        gateway: router.gateway.as_ref().map(|g| g.port.clone()).unwrap_or_default(),
        limit: None,
    }
}

/// TCP ports of an address on the router that lead to a guest's.
pub fn port_forwarding(
    router: &LRouter,
    (external, first, last): (Ipv4Addr, u16, u16),
    port: &LPort,
    internal: (u16, u16),
) -> LPortForwarding {
    LPortForwarding {
        id: PortForwardingId::new(),
        router: router.id.clone(),
        protocol: Protocol::Tcp,
        external,
        external_ports: PortRange(first, last),
        internal: first_v4(port),
        internal_ports: PortRange(internal.0, internal.1),
    }
}

fn first_v4(port: &LPort) -> Ipv4Addr {
    let v4 = |(address, _): &(IpAddr, _)| if let IpAddr::V4(v4) = address { Some(*v4) } else { None };
    port.addresses.iter().find_map(v4).unwrap_or(Ipv4Addr::UNSPECIFIED)
}

/// A rate in both directions, and a mark.
pub fn limits(kbps: u32) -> LQos {
    let rate = Some(LRate { kbps, burst_kbits: 0 });
    LQos { egress: rate, ingress: rate, dscp: Some(46), guaranteed_kbps: None }
}

/// One of everything, in the order in which it can be put.
pub fn one_of_everything() -> Vec<Logical> {
    let (public, inside) = (provider("public"), network());
    let outer = LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, "172.24.4.0/24") };
    let inner = LSubnet { dns: vec![[9, 9, 9, 9].into()], ..subnet(&inside, "10.0.0.0/24") };
    let web = tcp_group(&[80]);
    let member = group([rule(Direction::Ingress, None, None, Remote::Group(web.id.clone()))]);
    let guest = LPort { host: Some("h1".into()), standby: ["h2".into()].into(), ..port(&inner, 5, &[&web, &member]) };
    let wishes = BTreeMap::from([("bootfile-name".to_owned(), "pxe".to_owned())]);
    let special = LPort { dhcp_options: wishes, hostname: "special".into(), ..port(&inner, 6, &[]) };
    let open = LPort { port_security: false, ..port(&inner, 7, &[]) };
    let carrier = LCarrier { port: guest.id.clone(), vlan: 42 };
    let carried = LPort { carrier: Some(carrier), ..port(&inner, 8, &[&web]) };
    let limited = LPort { qos: limits(5000), ..port(&inner, 9, &[&web]) };
    let way_out = LGateway { qos: limits(9000), ..gateway(&outer, 10, &[&inner]) };
    let limit = LFloatingLimit { network: outer.network.clone(), qos: limits(3000) };
    let router = LRouter { gateway: Some(way_out), ..router() };
    let metadata = metadata_port(&inner);
    let near = interface(&router, &inner);
    let forwarding = port_forwarding(&router, ([172, 24, 4, 21].into(), 8000, 8002), &open, (80, 82));
    let fip = LFloatingIp { limit: Some(limit), ..floating_ip(&router, [172, 24, 4, 20].into(), &guest) };
    vec![
        Logical::Network(public),
        Logical::Network(inside),
        Logical::Subnet(outer),
        Logical::Subnet(inner),
        Logical::SecurityGroup(web),
        Logical::SecurityGroup(member),
        Logical::Router(router),
        Logical::Port(carried),
        Logical::Port(limited),
        Logical::Port(metadata),
        Logical::Port(guest),
        Logical::Port(special),
        Logical::Port(open),
        Logical::RouterInterface(near),
        Logical::FloatingIp(fip),
        Logical::PortForwarding(forwarding),
    ]
}
