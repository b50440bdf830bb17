use super::{braces, map};
use crate::{
    ovn::{
        Settings,
        draft::{At, Draft},
        names,
        tables::{DHCP, IDS, SERVES},
    },
    ovsdb::Datum,
};
use ipnet::IpNet;
use network::driver::{Ipv6Mode, LSubnet, LogicalKey};
use std::net::{IpAddr, Ipv4Addr};

/// The address of the metadata service, as every cloud has it.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

pub fn draft(subnet: &LSubnet, settings: &Settings) -> Draft {
    let main = At::new(DHCP, subnet.id.as_str());
    let mut draft = Draft::new(LogicalKey::Subnet(subnet.id.clone()), main);
    let options = match subnet.cidr {
        IpNet::V4(_) => options_v4(subnet, settings),
        IpNet::V6(_) => options_v6(subnet),
    };
    let columns = [
        ("cidr", Datum::one(subnet.cidr.trunc().to_string())),
        ("options", map(options)),
        (IDS, map([(SERVES, serves(subnet))])),
    ];
    draft.row(main, columns);
    draft
}

/// Which kind of DHCP the ports of this subnet are to get, if any. With SLAAC the router advertises, and nobody asks.
fn serves(subnet: &LSubnet) -> String {
    let version = match (subnet.dhcp, subnet.cidr, subnet.ipv6) {
        (true, IpNet::V4(_), _) => "4",
        (true, IpNet::V6(_), Some(Ipv6Mode::DhcpStateful | Ipv6Mode::DhcpStateless)) => "6",
        _ => "",
    };
    version.to_owned()
}

fn options_v4(subnet: &LSubnet, settings: &Settings) -> Vec<(&'static str, String)> {
    let gateway = subnet.gateway.filter(IpAddr::is_ipv4);
    let via = subnet.metadata_via.filter(IpAddr::is_ipv4);
    // The server answers for an address of the subnet; without gateway and metadata port, for the first one.
    let server = gateway.or(via).or_else(|| subnet.cidr.hosts().next()).unwrap_or(subnet.cidr.addr());
    let mut options = vec![
        ("server_id", server.to_string()),
        ("server_mac", names::server_mac(subnet.id.as_str())),
        ("lease_time", settings.dhcp_lease.as_secs().to_string()),
        ("mtu", subnet.mtu.to_string()),
    ];
    options.extend(gateway.map(|g| ("router", g.to_string())));
    options.extend(braces(subnet.dns.iter().copied().filter(IpAddr::is_ipv4)).map(|dns| ("dns_server", dns)));
    options.extend(classless_routes(subnet, gateway, via).map(|routes| ("classless_static_route", routes)));
    options.extend(domain(subnet).map(|domain| ("domain_name", domain)));
    options
}

/// RFC 3442: a client that understands this option ignores `router`, so the default route must be among these.
fn classless_routes(subnet: &LSubnet, gateway: Option<IpAddr>, via: Option<IpAddr>) -> Option<String> {
    let mut routes: Vec<_> = via.map(|via| format!("{METADATA}/32,{via}")).into_iter().collect();
    let host_routes = subnet.host_routes.iter().filter(|(to, next)| to.addr().is_ipv4() && next.is_ipv4());
    routes.extend(host_routes.map(|(to, next)| format!("{},{next}", to.trunc())));
    if routes.is_empty() {
        return None;
    }
    let has_default = subnet.host_routes.iter().any(|(to, _)| to.prefix_len() == 0);
    routes.extend(gateway.filter(|_| !has_default).map(|g| format!("0.0.0.0/0,{g}")));
    Some(format!("{{{}}}", routes.join(", ")))
}

fn domain(subnet: &LSubnet) -> Option<String> {
    let domain = subnet.dns_domain.trim_end_matches('.');
    (!domain.is_empty()).then(|| format!("\"{}\"", domain.replace(['"', '\\'], "")))
}

fn options_v6(subnet: &LSubnet) -> Vec<(&'static str, String)> {
    let mut options = vec![("server_id", names::server_mac(subnet.id.as_str()))];
    options.extend(braces(subnet.dns.iter().copied().filter(IpAddr::is_ipv6)).map(|dns| ("dns_server", dns)));
    options.extend(domain(subnet).map(|domain| ("domain_search", domain)));
    if subnet.ipv6 == Some(Ipv6Mode::DhcpStateless) {
        options.push(("dhcpv6_stateless", "true".into()));
    }
    options
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;

    fn subnet(cidr: &str) -> LSubnet {
        LSubnet {
            id: "s1".into(),
            network: "n1".into(),
            cidr: cidr.parse().unwrap(),
            gateway: None,
            dhcp: true,
            dns: vec![],
            host_routes: vec![],
            ipv6: None,
            metadata_via: None,
            mtu: 1442,
            dns_domain: String::new(),
        }
    }

    fn check(subnet: &LSubnet, option: &str, expect: &str) {
        let draft = draft(subnet, &Settings::default());
        let all = text(&draft, draft.main, "options");
        let got = all.split('|').find_map(|o| o.strip_prefix(option)?.strip_prefix('='));
        assert_eq!(got.unwrap_or_default(), expect, "{option} of {all}");
    }

    #[test]
    fn what_dhcp_says_of_an_ipv4_subnet() {
        let mut s = subnet("10.0.0.0/24");
        check(&s, "server_id", "10.0.0.1");
        check(&s, "router", "");
        check(&s, "mtu", "1442");
        check(&s, "classless_static_route", "");
        s.metadata_via = Some("10.0.0.2".parse().unwrap());
        check(&s, "server_id", "10.0.0.2");
        check(&s, "classless_static_route", "{169.254.169.254/32,10.0.0.2}");
        s.gateway = Some("10.0.0.254".parse().unwrap());
        check(&s, "server_id", "10.0.0.254");
        check(&s, "router", "10.0.0.254");
        check(&s, "classless_static_route", "{169.254.169.254/32,10.0.0.2, 0.0.0.0/0,10.0.0.254}");
        s.host_routes = vec![("192.168.0.0/16".parse().unwrap(), "10.0.0.9".parse().unwrap())];
        check(
            &s,
            "classless_static_route",
            "{169.254.169.254/32,10.0.0.2, 192.168.0.0/16,10.0.0.9, 0.0.0.0/0,10.0.0.254}",
        );
        s.dns = vec!["1.1.1.1".parse().unwrap(), "::1".parse().unwrap(), "8.8.8.8".parse().unwrap()];
        check(&s, "dns_server", "{1.1.1.1, 8.8.8.8}");
        s.dns_domain = "cloud.example.".into();
        check(&s, "domain_name", "\"cloud.example\"");
    }

    #[test]
    fn which_subnets_serve_dhcp() {
        let check = |cidr: &str, dhcp: bool, ipv6: Option<Ipv6Mode>, expect: &str| {
            assert_eq!(serves(&LSubnet { dhcp, ipv6, ..subnet(cidr) }), expect, "{cidr} {dhcp} {ipv6:?}");
        };
        check("10.0.0.0/24", true, None, "4");
        check("10.0.0.0/24", false, None, "");
        check("fd00::/64", true, Some(Ipv6Mode::Slaac), "");
        check("fd00::/64", true, Some(Ipv6Mode::DhcpStateful), "6");
        check("fd00::/64", true, Some(Ipv6Mode::DhcpStateless), "6");
        check("fd00::/64", true, Some(Ipv6Mode::None), "");
        check("fd00::/64", true, None, "");
    }

    #[test]
    fn stateless_dhcpv6_gives_no_addresses() {
        let s = LSubnet { ipv6: Some(Ipv6Mode::DhcpStateless), ..subnet("fd00::/64") };
        check(&s, "dhcpv6_stateless", "true");
        check(&LSubnet { ipv6: Some(Ipv6Mode::DhcpStateful), ..s.clone() }, "dhcpv6_stateless", "");
        check(&s, "server_id", &names::server_mac("s1"));
    }
}
