//! The logical network: what the back end must hold, as a pure function of what the store holds.
//!
//! ```text
//!   store objects ──desired(key)──▶ Logical ──digest──▶ compared with what was put, by the reconciler
//!        │ a change
//!        └──affected──▶ keys whose Logical may differ now: a handful, found by indexes, never a walk over everything
//! ```
//!
//! Invariant: if `affected` does not name a key for a change, `desired` of that key is the same before and after it. The
//! reconciler's full comparison would mend what a mistake here leaves, and a property test looks for such mistakes.

mod affected;
mod filter;
mod port;
mod router;

pub use affected::affected;
pub use port::hostname;

use super::{
    FloatingIp, Network, Port, PortForwarding, Router, SecurityGroup, Settings, Subnet, port::Role, qos, subnet::Mode,
};
use crate::driver::{
    Ipv6Mode, LFloatingIp, LFloatingLimit, LNetwork, LPortForwarding, LSubnet, Logical, LogicalKey, NetworkKind,
};
use ipnet::IpNet;
use std::{net::IpAddr, sync::Arc};
use store::Snapshot;

/// What the back end must hold under a key; `None`: nothing.
pub fn desired(snapshot: &Snapshot, settings: &Settings, key: &LogicalKey) -> Option<Logical> {
    match key {
        LogicalKey::Network(id) => snapshot.get(id).map(|n| Logical::Network(network(&n, settings))),
        LogicalKey::Subnet(id) => subnet(snapshot, settings, snapshot.get(id)?).map(Logical::Subnet),
        LogicalKey::SecurityGroup(id) => snapshot.get(id).map(|g| Logical::SecurityGroup(filter::group(snapshot, &g))),
        LogicalKey::Router(id) => snapshot.get(id).map(|r| Logical::Router(router::router(snapshot, &r))),
        LogicalKey::Port(id) => {
            let found: Option<Arc<Port>> = snapshot.get(id);
            found
                .filter(|p| matches!(p.role(), Role::Guest | Role::Metadata | Role::Dhcp))
                .map(|p| Logical::Port(port::port(snapshot, &p)))
        }
        LogicalKey::RouterInterface(id) => {
            let found: Option<Arc<Port>> = snapshot.get(id);
            router::interface(snapshot, &*found?).map(Logical::RouterInterface)
        }
        LogicalKey::FloatingIp(id) => floating_ip(snapshot, &*snapshot.get(id)?).map(Logical::FloatingIp),
        LogicalKey::PortForwarding(id) => forwarding(snapshot, &*snapshot.get(id)?).map(Logical::PortForwarding),
    }
}

/// Everything the back end must hold.
pub fn all(snapshot: &Snapshot, settings: &Settings) -> Vec<Logical> {
    let mut keys: Vec<LogicalKey> = Vec::new();
    keys.extend(snapshot.all::<Network>().map(|n| LogicalKey::Network(n.id.clone())));
    keys.extend(snapshot.all::<Subnet>().map(|s| LogicalKey::Subnet(s.id.clone())));
    keys.extend(snapshot.all::<SecurityGroup>().map(|g| LogicalKey::SecurityGroup(g.id.clone())));
    keys.extend(snapshot.all::<Router>().map(|r| LogicalKey::Router(r.id.clone())));
    keys.extend(snapshot.all::<FloatingIp>().map(|f| LogicalKey::FloatingIp(f.id.clone())));
    keys.extend(snapshot.all::<PortForwarding>().map(|pf| LogicalKey::PortForwarding(pf.id.clone())));
    for port in snapshot.all::<Port>() {
        keys.extend(own_key(&port));
    }
    keys.iter().filter_map(|key| desired(snapshot, settings, key)).collect()
}

/// The key of a port's own object; gateways are part of their router, floating IPs have an object without their port.
fn own_key(port: &Port) -> Option<LogicalKey> {
    match port.role() {
        Role::Guest | Role::Metadata | Role::Dhcp => Some(LogicalKey::Port(port.id.clone())),
        Role::RouterInterface => Some(LogicalKey::RouterInterface(port.id.clone())),
        Role::RouterGateway | Role::FloatingIp => None,
    }
}

fn network(network: &Network, settings: &Settings) -> LNetwork {
    let segment = network.segments.first();
    let kind = match segment {
        Some(s) if !s.kind.is_overlay() => NetworkKind::Provider {
            physical: s.physical.clone().unwrap_or_default(),
            vlan: s.number.and_then(|n| u16::try_from(n).ok()),
        },
        _ => NetworkKind::Overlay { tunnel_key: segment.and_then(|s| s.number).unwrap_or_default() },
    };
    LNetwork {
        id: network.id.clone(),
        name: network.name.clone(),
        mtu: network.mtu,
        kind,
        admin_up: network.admin_up,
        dns_domain: domain(network, settings),
    }
}

/// A network's own domain, or the cloud's.
fn domain(network: &Network, settings: &Settings) -> String {
    let domain = if network.dns_domain.is_empty() { &settings.dns_domain } else { &network.dns_domain };
    domain.trim_end_matches('.').to_owned()
}

/// The network's port that answers metadata requests.
pub fn metadata_port(snapshot: &Snapshot, network: &Network) -> Option<Arc<Port>> {
    snapshot.get(network.metadata_port.as_ref()?)
}

fn subnet(snapshot: &Snapshot, settings: &Settings, subnet: Arc<Subnet>) -> Option<LSubnet> {
    let of: Arc<Network> = snapshot.get(&subnet.network)?;
    let metadata = metadata_port(snapshot, &of);
    let metadata_via = metadata.and_then(|p| p.fixed_ips.iter().find(|ip| ip.subnet == subnet.id).map(|ip| ip.address));
    Some(LSubnet {
        id: subnet.id.clone(),
        network: subnet.network.clone(),
        cidr: subnet.cidr,
        gateway: subnet.gateway,
        dhcp: subnet.dhcp,
        dns: subnet.dns.clone(),
        host_routes: subnet.routes.iter().map(|r| (r.destination, r.nexthop)).collect(),
        ipv6: subnet.is_v6().then(|| ipv6_mode(subnet.address_mode.or(subnet.ra_mode))),
        metadata_via,
        mtu: of.mtu,
        dns_domain: domain(&of, settings),
    })
}

fn ipv6_mode(mode: Option<Mode>) -> Ipv6Mode {
    match mode {
        Some(Mode::Slaac) => Ipv6Mode::Slaac,
        Some(Mode::Stateful) => Ipv6Mode::DhcpStateful,
        Some(Mode::Stateless) => Ipv6Mode::DhcpStateless,
        None => Ipv6Mode::None,
    }
}

fn floating_ip(snapshot: &Snapshot, fip: &FloatingIp) -> Option<LFloatingIp> {
    let target = fip.target.as_ref()?;
    let external: Arc<Port> = snapshot.get(&fip.external_port)?;
    let gateway = router::way_out(snapshot, &*snapshot.get(&target.router)?, fip)?;
    let qos = qos::effective(snapshot, fip.qos.as_ref(), &fip.network);
    Some(LFloatingIp {
        id: fip.id.clone(),
        router: target.router.clone(),
        external: fip.address,
        internal: target.fixed,
        port: target.port.clone(),
        mac: external.mac.clone(),
        limit: (!qos.is_empty()).then_some(LFloatingLimit { network: gateway.network, qos }),
        gateway: gateway.port,
    })
}

fn forwarding(snapshot: &Snapshot, pf: &PortForwarding) -> Option<LPortForwarding> {
    let fip: Arc<FloatingIp> = snapshot.get(&pf.fip)?;
    Some(LPortForwarding {
        id: pf.id.clone(),
        router: fip.forwards.as_ref()?.router.clone(),
        protocol: pf.protocol,
        external: fip.address,
        external_ports: pf.external,
        internal: pf.address,
        internal_ports: pf.internal,
    })
}

/// Addresses with the prefix length of their subnets, in a settled order.
pub(crate) fn with_prefixes(snapshot: &Snapshot, port: &Port) -> Vec<IpNet> {
    let prefixed = |address: IpAddr, subnet: &str| {
        let subnet: Arc<Subnet> = snapshot.get(subnet)?;
        IpNet::new(address, subnet.cidr.prefix_len()).ok()
    };
    let mut nets: Vec<_> = port.fixed_ips.iter().filter_map(|ip| prefixed(ip.address, &ip.subnet)).collect();
    nets.sort();
    nets
}
