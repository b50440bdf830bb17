use super::{enabled, map, qos, router, router_port, switch, switch_port};
use crate::{
    ovn::{
        draft::{At, Draft},
        names,
        tables::{IDS, NAT, ROUTE},
    },
    ovsdb::Datum,
};
use ipnet::IpNet;
use kernel::PortId;
use network::driver::{Ipv6Mode, LGateway, LRouter, LRouterInterface, LogicalKey};
use std::net::IpAddr;

pub fn draft(r: &LRouter) -> Draft {
    let main = router(&r.id);
    let mut draft = Draft::new(LogicalKey::Router(r.id.clone()), main);
    // Learning neighbours only when needed keeps the southbound database small on networks with many strangers.
    let options = [("always_learn_from_arp_request", "false"), ("dynamic_neigh_routers", "true")];
    let columns = [
        ("name", Datum::one(r.id.as_str())),
        ("enabled", enabled(r.admin_up)),
        ("options", map(options.map(|(k, v)| (k, v.to_owned())))),
        (IDS, map([("tstack:name", r.name.clone())])),
    ];
    draft.row(main, columns);
    for (to, next_hop) in &r.routes {
        route(&mut draft, main, *to, *next_hop, None);
    }
    for gateway in r.gateways() {
        add_gateway(&mut draft, main, r, gateway);
    }
    draft
}

fn route(draft: &mut Draft, router: At, to: IpNet, next_hop: IpAddr, output: Option<String>) {
    let at = At::new(ROUTE, &format!("{}/{to}/{next_hop}", draft.key));
    let columns = [
        ("ip_prefix", Datum::one(to.trunc().to_string())),
        ("nexthop", Datum::one(next_hop.to_string())),
        ("output_port", Datum::set(output)),
    ];
    draft.row(at, columns).under(router, "static_routes", at);
}

fn add_gateway(draft: &mut Draft, main: At, r: &LRouter, gateway: &LGateway) {
    // `nat-addresses` makes the chassis that holds the gateway announce the router's and its NAT's addresses.
    let link = Link {
        port: &gateway.port,
        mac: &gateway.mac,
        addresses: &gateway.addresses,
        switch_options: &[("nat-addresses", "router")],
    };
    let (_, end) = link.add(draft);
    draft.under(main, "ports", link.router_end()).under(switch(&gateway.network), "ports", end);
    let output = names::router_port(&gateway.port);
    for next_hop in &gateway.next_hops {
        let everywhere =
            if next_hop.is_ipv4() { IpNet::from(ipnet::Ipv4Net::default()) } else { ipnet::Ipv6Net::default().into() };
        // A route that the tenant set for the same destination wins.
        if !r.routes.iter().any(|(to, _)| *to == everywhere) {
            route(draft, main, everywhere, *next_hop, Some(output.clone()));
        }
    }
    let place = qos::Place { network: &gateway.network, port: &gateway.port, priority: qos::ALL, address: None };
    qos::limit(draft, &place, &gateway.qos);
    for address in &gateway.proxied {
        // Nothing is translated; but the gateway's host answers for the address, as for every one that translates.
        let at = At::new(NAT, &format!("{}/{address}", draft.key));
        let columns = [
            ("type", Datum::one("dnat_and_snat")),
            ("external_ip", Datum::one(address.to_string())),
            ("logical_ip", Datum::one(address.to_string())),
            ("gateway_port", Datum::one(link.router_end().uuid)),
            ("options", map([("stateless", "true".to_owned())])),
        ];
        draft.row(at, columns).under(main, "nat", at);
    }
    let external = gateway.addresses.iter().map(IpNet::addr).find(IpAddr::is_ipv4);
    let Some(external) = external.filter(|_| gateway.snat) else { return };
    for source in gateway.snat_sources.iter().filter(|net| net.addr().is_ipv4()) {
        let at = At::new(NAT, &format!("{}/{source}/{external}", draft.key));
        let columns = [
            ("type", Datum::one("snat")),
            ("external_ip", Datum::one(external.to_string())),
            ("logical_ip", Datum::one(source.trunc().to_string())),
            ("gateway_port", Datum::one(link.router_end().uuid)),
        ];
        draft.row(at, columns).under(main, "nat", at);
    }
}

/// A router and a switch joined: a port on each, that name each other.
struct Link<'a> {
    port: &'a PortId,
    mac: &'a str,
    addresses: &'a [IpNet],
    switch_options: &'a [(&'a str, &'a str)],
}

impl Link<'_> {
    fn router_end(&self) -> At {
        router_port(self.port)
    }

    fn add(&self, draft: &mut Draft) -> (At, At) {
        let (near, far) = (self.router_end(), switch_port(self.port));
        let name = names::router_port(self.port);
        let networks = self.addresses.iter().map(|net| format!("{}/{}", net.addr(), net.prefix_len()));
        let columns = [
            ("name", Datum::one(name.as_str())),
            ("mac", Datum::one(self.mac.to_lowercase())),
            ("networks", Datum::set(networks)),
        ];
        draft.row(near, columns);
        let options = self.switch_options.iter().map(|(k, v)| (*k, (*v).to_owned()));
        let columns = [
            ("name", Datum::one(self.port.as_str())),
            ("type", Datum::one("router")),
            ("addresses", Datum::one("router")),
            ("options", map(options.chain([("router-port", name)]))),
        ];
        draft.row(far, columns);
        (near, far)
    }
}

pub fn interface(i: &LRouterInterface) -> Draft {
    let link = Link { port: &i.port, mac: &i.mac, addresses: &i.addresses, switch_options: &[] };
    let mut draft = Draft::new(LogicalKey::RouterInterface(i.port.clone()), link.router_end());
    let (near, far) = link.add(&mut draft);
    if let Some(columns) = draft.rows.get_mut(&near) {
        columns.insert("ipv6_ra_configs", map(advertisements(i)));
    }
    draft.under(router(&i.router), "ports", near).under(switch(&i.network), "ports", far);
    draft
}

fn advertisements(i: &LRouterInterface) -> Vec<(&'static str, String)> {
    let mode = match i.ipv6 {
        None | Some(Ipv6Mode::None) => return vec![],
        Some(Ipv6Mode::Slaac) => "slaac",
        Some(Ipv6Mode::DhcpStateful) => "dhcpv6_stateful",
        Some(Ipv6Mode::DhcpStateless) => "dhcpv6_stateless",
    };
    vec![("address_mode", mode.into()), ("send_periodic", "true".into()), ("mtu", i.mtu.to_string())]
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;
    use crate::ovn::tables::{QOS, ROUTER_PORT, SWITCH_PORT};
    use network::driver::{LQos, LRate};

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    fn gateway() -> LGateway {
        LGateway {
            port: "gw".into(),
            network: "public".into(),
            mac: "fa:16:3e:00:00:09".into(),
            addresses: nets(&["172.24.4.10/24", "fd01::10/64"]),
            next_hops: vec!["172.24.4.1".parse().unwrap(), "fd01::1".parse().unwrap()],
            snat: true,
            snat_sources: nets(&["10.0.0.0/24", "fd00::/64"]),
            proxied: [].into(),
            qos: LQos::default(),
        }
    }

    fn with(gateway: Option<LGateway>) -> LRouter {
        let routes = vec![("10.8.0.0/16".parse().unwrap(), "10.0.0.8".parse().unwrap())];
        LRouter { id: "r".into(), name: "router".into(), admin_up: true, routes, gateway, more_gateways: vec![] }
    }

    fn rows(draft: &Draft, table: &str, columns: &[&'static str]) -> Vec<String> {
        let line = |at: &At| columns.iter().map(|c| text(draft, *at, c)).collect::<Vec<_>>().join(" ");
        let mut lines: Vec<_> = draft.rows.keys().filter(|at| at.table == table).map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_gateway_is_a_link_default_routes_and_snat() {
        let draft = draft(&with(Some(gateway())));
        assert_eq!(rows(&draft, ROUTER_PORT, &["name", "networks"]), ["lrp-gw 172.24.4.10/24|fd01::10/64"]);
        assert_eq!(
            rows(&draft, SWITCH_PORT, &["name", "type", "options"]),
            ["gw router nat-addresses=router|router-port=lrp-gw"]
        );
        let routes = ["0.0.0.0/0 172.24.4.1 lrp-gw", "10.8.0.0/16 10.0.0.8 ", "::/0 fd01::1 lrp-gw"];
        assert_eq!(rows(&draft, ROUTE, &["ip_prefix", "nexthop", "output_port"]), routes);
        assert_eq!(rows(&draft, NAT, &["type", "external_ip", "logical_ip"]), ["snat 172.24.4.10 10.0.0.0/24"]);
        assert_eq!(draft.needs, [switch(&"public".into())]);
    }

    #[test]
    fn a_gateway_answers_for_inner_addresses() {
        let proxied = ["fd00::5".parse().unwrap()].into();
        let draft = draft(&with(Some(LGateway { proxied, snat: false, ..gateway() })));
        let answered = ["dnat_and_snat fd00::5 fd00::5 stateless=true"];
        assert_eq!(rows(&draft, NAT, &["type", "external_ip", "logical_ip", "options"]), answered);
    }

    #[test]
    fn a_gateway_may_be_limited() {
        let ingress = Some(LRate { kbps: 500, burst_kbits: 40 });
        let limited = LGateway { qos: LQos { ingress, ..LQos::default() }, ..gateway() };
        assert_eq!(
            rows(&draft(&with(Some(limited))), QOS, &["match", "bandwidth"]),
            ["outport == \"gw\" burst=40|rate=500"]
        );
    }

    #[test]
    fn no_snat_no_gateway_and_a_tenants_default_route() {
        assert!(rows(&draft(&with(Some(LGateway { snat: false, ..gateway() }))), NAT, &[]).is_empty());
        assert_eq!(draft(&with(None)).rows.len(), 2);
        let mut r = with(Some(gateway()));
        r.routes = vec![("0.0.0.0/0".parse().unwrap(), "10.0.0.9".parse().unwrap())];
        assert_eq!(rows(&draft(&r), ROUTE, &["ip_prefix", "nexthop"]), ["0.0.0.0/0 10.0.0.9", "::/0 fd01::1"]);
    }

    #[test]
    fn an_interface_advertises_as_its_subnets_say() {
        let check = |ipv6: Option<Ipv6Mode>, expect: &str| {
            let draft = interface(&LRouterInterface {
                port: "if".into(),
                router: "r".into(),
                network: "n".into(),
                mac: "FA:16:3e:00:00:02".into(),
                addresses: nets(&["10.0.0.1/24"]),
                mtu: 1442,
                ipv6,
            });
            assert_eq!(rows(&draft, ROUTER_PORT, &["mac", "ipv6_ra_configs"]), [format!("fa:16:3e:00:00:02 {expect}")]);
            assert_eq!(draft.needs, [router(&"r".into()), switch(&"n".into())]);
        };
        check(None, "");
        check(Some(Ipv6Mode::None), "");
        check(Some(Ipv6Mode::Slaac), "address_mode=slaac|mtu=1442|send_periodic=true");
        check(Some(Ipv6Mode::DhcpStateless), "address_mode=dhcpv6_stateless|mtu=1442|send_periodic=true");
    }
}
