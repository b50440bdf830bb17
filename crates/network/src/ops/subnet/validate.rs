//! What a subnet may be: Neutron's rules, each with its refusal.

use crate::{
    error::NetError,
    model::{
        Network, SegmentId, Settings,
        address::gateway_fits,
        subnet::{Mode, Route},
    },
};
use ipnet::IpNet;
use kernel::Result;
use std::net::IpAddr;

fn version(v6: bool) -> u8 {
    if v6 { 6 } else { 4 }
}

fn same_family(name: &str, text: &str, is_v6: bool, v6: bool) -> Result<()> {
    if is_v6 == v6 {
        return Ok(());
    }
    Err(NetError::input(format!("{name} '{text}' does not match the ip_version '{}'", version(v6))).into())
}

pub fn prefix(cidr: &IpNet, v6: bool, dhcp: bool) -> Result<()> {
    let is_v6 = matches!(cidr, IpNet::V6(_));
    same_family("cidr", &cidr.to_string(), is_v6, v6)?;
    let len = cidr.prefix_len();
    if len == 0 {
        return Err(NetError::input("0 is not allowed as CIDR prefix length").into());
    }
    if v6 && cidr.network().is_unspecified() {
        return Err(NetError::input("IPv6 subnet '::' is not supported").into());
    }
    if !dhcp {
        return Ok(());
    }
    if len > if v6 { 126 } else { 30 } {
        let text = "Subnet has a prefix length that is incompatible with DHCP service enabled";
        return Err(NetError::input(text).into());
    }
    let network = cidr.network();
    if network.is_multicast() {
        return Err(NetError::input("Multicast IP subnet is not supported if enable_dhcp is True").into());
    }
    if network.is_loopback() {
        return Err(NetError::input("Loopback IP subnet is not supported if enable_dhcp is True").into());
    }
    if network.is_unspecified() {
        let text = "First IP '0.0.0.0' of network is not supported if enable_dhcp is True.";
        return Err(NetError::input(text).into());
    }
    Ok(())
}

pub fn gateway(cidr: &IpNet, gateway: IpAddr) -> Result<()> {
    same_family("gateway_ip", &gateway.to_string(), gateway.is_ipv6(), matches!(cidr, IpNet::V6(_)))?;
    if gateway_fits(cidr, gateway) { Ok(()) } else { Err(NetError::input("Gateway is not valid on subnet").into()) }
}

pub fn nameservers(dns: &[IpAddr], v6: bool, subnet: &str, settings: &Settings) -> Result<()> {
    let quota = settings.max_dns_nameservers;
    if dns.len() > quota {
        return Err(NetError::DNSNameServersExhausted { subnet: subnet.to_owned(), quota }.into());
    }
    dns.iter().try_for_each(|a| same_family("dns_nameserver", &a.to_string(), a.is_ipv6(), v6))
}

pub fn host_routes(routes: &[Route], v6: bool, subnet: &str, settings: &Settings) -> Result<()> {
    let quota = settings.max_subnet_host_routes;
    if routes.len() > quota {
        return Err(NetError::HostRoutesExhausted { subnet: subnet.to_owned(), quota }.into());
    }
    for route in routes {
        let destination = matches!(route.destination, IpNet::V6(_));
        same_family("destination", &route.destination.to_string(), destination, v6)?;
        same_family("nexthop", &route.nexthop.to_string(), route.nexthop.is_ipv6(), v6)?;
    }
    Ok(())
}

pub fn modes(cidr: &IpNet, dhcp: bool, ra: Option<Mode>, address: Option<Mode>) -> Result<()> {
    let v6 = matches!(cidr, IpNet::V6(_));
    for (name, mode) in [("ipv6_ra_mode", ra), ("ipv6_address_mode", address)] {
        if mode.is_some() && !v6 {
            return Err(NetError::input(format!("{name} is not valid when ip_version is 4")).into());
        }
    }
    if (ra.is_some() || address.is_some()) && !dhcp {
        let text = "ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False";
        return Err(NetError::input(text).into());
    }
    if let (Some(ra), Some(address)) = (ra, address)
        && ra != address
    {
        let (ra, address) = (ra.as_str(), address.as_str());
        return Err(NetError::input(format!(
            "ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{address}' is not valid. If both attributes are set, they must be the same value"
        ))
        .into());
    }
    let automatic = [ra, address].iter().flatten().any(|m| *m != Mode::Stateful);
    if automatic && cidr.prefix_len() != 64 {
        return Err(NetError::input(format!(
            "Invalid CIDR {cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64"
        ))
        .into());
    }
    Ok(())
}

/// Device owners that a subnet may be kept for. Mirrors Neutron, which takes what begins with any letter of `compute:`, too,
/// and whose own tests use `test:`.
pub fn service_types(types: &[String]) -> Result<()> {
    let known = |t: &str| {
        t.starts_with(|c| "compute:".contains(c))
            || ["network:", "baremetal:", "neutron:"].iter().any(|p| t.starts_with(p))
    };
    match types.iter().find(|t| !known(t)) {
        Some(service_type) => Err(NetError::InvalidSubnetServiceType { service_type: service_type.clone() }.into()),
        None => Ok(()),
    }
}

/// A subnet's segment is one of its network.
pub fn segment(network: &Network, segment: Option<&SegmentId>) -> Result<()> {
    let Some(wanted) = segment else { return Ok(()) };
    if network.segments.iter().any(|s| network.segment_id(s) == *wanted) {
        return Ok(());
    }
    Err(NetError::NetworkIdsDontMatch { network: network.id.to_string(), segment: wanted.to_string() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(result: Result<()>) -> String {
        result.map_or_else(|e| e.message().to_owned(), |()| "ok".to_owned())
    }

    #[test]
    fn prefixes() {
        for (cidr, v6, dhcp, expect) in [
            ("10.0.0.0/24", false, true, "ok"),
            ("10.0.0.0/24", true, true, "does not match the ip_version '6'"),
            ("0.0.0.0/0", false, true, "0 is not allowed"),
            ("10.0.0.0/31", false, true, "incompatible with DHCP"),
            ("10.0.0.0/31", false, false, "ok"),
            ("fd00::/127", true, true, "incompatible with DHCP"),
            ("224.0.0.0/24", false, true, "Multicast"),
            ("127.0.0.0/24", false, true, "Loopback"),
            ("0.0.0.0/24", false, true, "First IP"),
            ("::/64", true, false, "IPv6 subnet '::'"),
            ("fd00::/64", true, true, "ok"),
        ] {
            let got = text(prefix(&cidr.parse().unwrap(), v6, dhcp));
            assert!(got.contains(expect), "{cidr}: {got}");
        }
    }

    #[test]
    fn ipv6_modes() {
        use Mode::{Slaac, Stateful, Stateless};
        for (cidr, dhcp, ra, address, expect) in [
            ("fd00::/64", true, Some(Slaac), Some(Slaac), "ok"),
            ("fd00::/64", true, Some(Slaac), None, "ok"),
            ("fd00::/64", true, Some(Slaac), Some(Stateful), "must be the same"),
            ("fd00::/64", false, Some(Slaac), None, "enable_dhcp is set to False"),
            ("fd00::/96", true, Some(Stateless), None, "prefix to be /64"),
            ("fd00::/96", true, Some(Stateful), Some(Stateful), "ok"),
            ("10.0.0.0/24", true, Some(Slaac), None, "not valid when ip_version is 4"),
            ("10.0.0.0/24", true, None, None, "ok"),
        ] {
            let got = text(modes(&cidr.parse().unwrap(), dhcp, ra, address));
            assert!(got.contains(expect), "{cidr} {ra:?} {address:?}: {got}");
        }
    }

    #[test]
    fn gateways_servers_routes_types() {
        let cidr: IpNet = "10.0.0.0/24".parse().unwrap();
        let settings = Settings::default();
        let check = |got: Result<()>, expect: &str| {
            let got = text(got);
            assert!(got.contains(expect), "{got}, expected {expect}");
        };
        check(gateway(&cidr, "10.0.0.1".parse().unwrap()), "ok");
        check(gateway(&cidr, "10.0.0.255".parse().unwrap()), "Gateway is not valid");
        check(gateway(&cidr, "fd00::1".parse().unwrap()), "does not match the ip_version '4'");
        let dns = |n: u8| (1..=n).map(|i| IpAddr::from([9, 9, 9, i])).collect::<Vec<_>>();
        check(nameservers(&dns(5), false, "s", &settings), "ok");
        check(nameservers(&dns(6), false, "s", &settings), "exceeds the limit 5");
        check(nameservers(&dns(1), true, "s", &settings), "does not match");
        let route = Route { destination: "10.8.0.0/16".parse().unwrap(), nexthop: "fd00::1".parse().unwrap() };
        check(host_routes(&[route], false, "s", &settings), "nexthop 'fd00::1' does not match");
        check(service_types(&["compute:nova".into()]), "ok");
        check(service_types(&["test:a".into(), "network:dhcp".into()]), "ok");
        check(service_types(&["storage:x".into()]), "does not correspond");
    }
}
