//! A server's ports, as compute and the guest see them.

use crate::model::{
    FloatingIp, Network, Port, Subnet,
    logical::{metadata_port, with_prefixes},
};
use kernel::{PortId, ServerId};
use ports::{
    Address, AddressKind, BoundPort,
    network::{BoundMetadata, BoundSubnet, PortView},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};
use store::Snapshot;

/// The ports of a server, in the order of its interfaces.
pub(super) fn of_server(snapshot: &Snapshot, server: &ServerId) -> Vec<Arc<Port>> {
    let mut ports: Vec<_> = snapshot.by(Port::BY_DEVICE, server).filter(|p| p.is_computes()).collect();
    ports.sort_by(|a, b| (a.nic, &a.id).cmp(&(b.nic, &b.id)));
    ports
}

/// `None` only if the port's network is gone, which cannot be while the port is there.
pub(super) fn bound(snapshot: &Snapshot, port: &Port) -> Option<BoundPort> {
    let network = snapshot.get::<Network>(&port.network)?;
    Some(BoundPort {
        port: port.id.clone(),
        network: port.network.clone(),
        network_name: network.name.clone(),
        mac: port.mac.clone(),
        mtu: network.mtu,
        tap: port.tap(),
        addresses: port.fixed_ips.iter().map(|ip| ip.address).collect(),
        floating: floating(snapshot, port),
        subnets: subnets(snapshot, port),
        metadata: metadata(snapshot, &network),
        model: "virtio".to_owned(),
    })
}

fn subnets(snapshot: &Snapshot, port: &Port) -> Vec<BoundSubnet> {
    let bound = |address: IpAddr, subnet: Arc<Subnet>| BoundSubnet {
        cidr: subnet.cidr,
        address,
        gateway: subnet.gateway,
        dhcp: subnet.dhcp,
        dns: subnet.dns.clone(),
        routes: subnet.routes.iter().map(|r| (r.destination, r.nexthop)).collect(),
        kind: kind(&subnet),
    };
    let subnets = port.fixed_ips.iter().filter_map(|ip| Some((ip.address, snapshot.get::<Subnet>(&ip.subnet)?)));
    subnets.map(|(address, subnet)| bound(address, subnet)).collect()
}

/// The `type` of a network in `network_data.json`.
fn kind(subnet: &Subnet) -> String {
    match (subnet.is_v6(), subnet.address_mode, subnet.dhcp) {
        (true, Some(mode), _) => format!("ipv6_{}", mode.as_str()),
        (true, None, true) => "ipv6_dhcp".to_owned(),
        (true, None, false) => "ipv6".to_owned(),
        (false, _, true) => "ipv4_dhcp".to_owned(),
        (false, _, false) => "ipv4".to_owned(),
    }
}

fn metadata(snapshot: &Snapshot, network: &Network) -> Option<BoundMetadata> {
    let port = metadata_port(snapshot, network)?;
    let addresses = with_prefixes(snapshot, &port);
    Some(BoundMetadata { port: port.id.clone(), mac: port.mac.clone(), addresses })
}

/// Each fixed address, followed by the floating ones that lead to it.
pub(super) fn addresses(snapshot: &Snapshot, port: &Port) -> Vec<Address> {
    let name = snapshot.get::<Network>(&port.network).map(|n| n.name.clone()).unwrap_or_default();
    let line = |address, kind| Address {
        network_name: name.clone(),
        port: port.id.clone(),
        mac: port.mac.clone(),
        address,
        kind,
    };
    let floating: Vec<_> = port.floating_ips.iter().filter_map(|id| snapshot.get::<FloatingIp>(id)).collect();
    let mut lines = Vec::new();
    for ip in &port.fixed_ips {
        lines.push(line(ip.address, AddressKind::Fixed));
        let here = floating.iter().filter(|f| f.target.as_ref().is_some_and(|t| ip.address == t.fixed));
        lines.extend(here.map(|f| line(f.address.into(), AddressKind::Floating)));
    }
    lines
}

/// The floating ones alone.
fn floating(snapshot: &Snapshot, port: &Port) -> Vec<IpAddr> {
    let floating = |line: Address| (line.kind == AddressKind::Floating).then_some(line.address);
    addresses(snapshot, port).into_iter().filter_map(floating).collect()
}

/// The same of all ports that floating IPs lead to and that are compute's.
pub(super) fn all_floating(snapshot: &Snapshot) -> BTreeMap<PortId, Vec<IpAddr>> {
    let ports: BTreeSet<PortId> =
        snapshot.all::<FloatingIp>().filter_map(|f| Some(f.target.as_ref()?.port.clone())).collect();
    let ports = ports.iter().filter_map(|id| snapshot.get::<Port>(id)).filter(|p| p.is_computes());
    ports.map(|port| (port.id.clone(), floating(snapshot, &port))).collect()
}

pub(super) fn interface(port: &Port) -> PortView {
    PortView {
        port: port.id.clone(),
        network: port.network.clone(),
        mac: port.mac.clone(),
        status: port.status().as_str().to_owned(),
        fixed_ips: port.fixed_ips.iter().map(|ip| (ip.subnet.to_string(), ip.address)).collect(),
        tag: None,
    }
}
