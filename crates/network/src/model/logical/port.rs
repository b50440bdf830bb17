//! Ports of guests and of the service, as the back end wants them.

use crate::{
    driver::{LCarrier, LPort, LQos, PortRole},
    model::{Port, port::Role, qos, trunk::TrunkEnd},
};
use ipnet::IpNet;
use std::collections::BTreeMap;
use store::Snapshot;

pub fn port(snapshot: &Snapshot, port: &Port) -> LPort {
    let role = if port.role() == Role::Guest { PortRole::Guest } else { PortRole::Metadata };
    let mut addresses: Vec<_> = port.fixed_ips.iter().map(|ip| (ip.address, ip.subnet.clone())).collect();
    addresses.sort();
    let carrier = match &port.trunk {
        Some(TrunkEnd::Sub { parent, vlan, .. }) => Some(LCarrier { port: parent.clone(), vlan: *vlan }),
        _ => None,
    };
    LPort {
        id: port.id.clone(),
        network: port.network.clone(),
        mac: port.mac.clone(),
        addresses,
        allowed_pairs: pairs(port),
        port_security: port.port_security,
        groups: if port.port_security { port.security_groups.clone() } else { Default::default() },
        admin_up: port.admin_up,
        // A subport is wherever its parent is.
        host: port.binding.host.clone().filter(|_| carrier.is_none()),
        standby: port.waiting.iter().filter(|(_, w)| w.usable).map(|(host, _)| host.clone()).collect(),
        role,
        dhcp_options: options(port),
        hostname: hostname(port),
        carrier,
        qos: match role {
            PortRole::Guest => qos::of_port(snapshot, port),
            PortRole::Metadata => LQos::default(),
        },
    }
}

fn pairs(port: &Port) -> Vec<(String, IpNet)> {
    if !port.port_security {
        return Vec::new();
    }
    let mut pairs: Vec<_> = port.allowed_pairs.iter().filter_map(|p| Some((p.mac.clone(), p.prefix()?))).collect();
    pairs.sort();
    pairs
}

/// By dnsmasq's names, where those for IPv6 have the prefix `option6:`.
fn options(port: &Port) -> BTreeMap<String, String> {
    let named = |o: &crate::model::port::DhcpOption| {
        let name = if o.ip_version == 6 { format!("option6:{}", o.name) } else { o.name.clone() };
        Some((name, o.value.clone()?))
    };
    port.dhcp_options.iter().filter_map(named).collect()
}

/// The name that the guest is told: its own, or one made of its first address as Neutron makes it.
pub fn hostname(port: &Port) -> String {
    if !port.dns_name.is_empty() {
        return port.dns_name.clone();
    }
    match port.fixed_ips.first() {
        Some(ip) => format!("host-{}", ip.address.to_string().replace(['.', ':'], "-")),
        None => String::new(),
    }
}
