use super::{enabled, group, map, qos, switch, switch_port};
use crate::{
    ovn::{
        draft::{At, Draft},
        names::DROP_GROUP,
        tables::{DHCP_OVERRIDES, IDS, PORT_GROUP, SUBNETS},
    },
    ovsdb::Datum,
};
use ipnet::IpNet;
use network::driver::{LPort, LogicalKey, PortRole};
use std::collections::{BTreeMap, BTreeSet};

/// The port enters its groups and the drop group in the transaction that creates it: rules precede its first packet.
pub fn draft(port: &LPort) -> Draft {
    let main = switch_port(&port.id);
    let mut draft = Draft::new(LogicalKey::Port(port.id.clone()), main);
    let kind = match port.role {
        PortRole::Guest => "",
        PortRole::Metadata => "localport",
    };
    let columns = [
        ("name", Datum::one(port.id.as_str())),
        ("type", Datum::one(kind)),
        ("addresses", Datum::set(addresses(port))),
        ("port_security", Datum::set(port_security(port))),
        ("enabled", enabled(port.admin_up)),
        ("options", map(options(port))),
        ("parent_name", Datum::set(port.carrier.as_ref().map(|c| c.port.to_string()))),
        ("tag", Datum::set(port.carrier.as_ref().map(|c| i64::from(c.vlan)))),
        (IDS, map(ids(port))),
    ];
    draft.row(main, columns).under(switch(&port.network), "ports", main);
    if is_filtered(port) {
        draft.member(At::new(PORT_GROUP, DROP_GROUP), "ports", main);
        for id in &port.groups {
            draft.member(group(id), "ports", main);
        }
    }
    let place = qos::Place { network: &port.network, port: &port.id, priority: qos::ALL, address: None };
    qos::limit(&mut draft, &place, &port.qos);
    draft
}

/// The metadata port is ours; a guest's port is filtered unless its owner switched port security off.
fn is_filtered(port: &LPort) -> bool {
    port.port_security && port.role == PortRole::Guest
}

/// `<mac> <address>…`: what OVN answers ARP for and delivers here. `unknown` makes it flood what it cannot place to this
/// port, which may have further addresses.
fn addresses(port: &LPort) -> Vec<String> {
    let mut own = port.mac.to_lowercase();
    for (address, _) in &port.addresses {
        own.push(' ');
        own.push_str(&address.to_string());
    }
    let foreign = port.allowed_pairs.iter().any(|(mac, _)| !mac.eq_ignore_ascii_case(&port.mac));
    let open = port.role == PortRole::Guest && (!port.port_security || foreign);
    let unknown = open.then(|| "unknown".to_owned());
    std::iter::once(own).chain(unknown).collect()
}

/// `<mac> <address or prefix>…`: what the guest may send as. A MAC without addresses may use any.
fn port_security(port: &LPort) -> Vec<String> {
    if !is_filtered(port) {
        return vec![];
    }
    let own = port.mac.to_lowercase();
    let mut by_mac = BTreeMap::from([(own.clone(), BTreeSet::new())]);
    for (address, _) in &port.addresses {
        by_mac.entry(own.clone()).or_default().insert(address.to_string());
    }
    for (mac, net) in &port.allowed_pairs {
        by_mac.entry(mac.to_lowercase()).or_default().insert(host_or_net(*net));
    }
    by_mac.into_iter().map(|(mac, nets)| std::iter::once(mac).chain(nets).collect::<Vec<_>>().join(" ")).collect()
}

fn host_or_net(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.trunc().to_string() }
}

fn options(port: &LPort) -> Vec<(&'static str, String)> {
    let hosts: Vec<_> = port.host.iter().chain(&port.standby).map(|h| h.as_str()).collect();
    let host = (!hosts.is_empty() && port.role == PortRole::Guest).then(|| hosts.join(","));
    let mut options: Vec<_> = host.map(|host| ("requested-chassis", host)).into_iter().collect();
    if !port.standby.is_empty() && port.role == PortRole::Guest {
        // On the host that waits nothing of the port passes, until the guest announces itself there.
        options.push(("activation-strategy", "rarp".to_owned()));
    }
    if !port.hostname.is_empty() {
        // OVN pastes it as it is into an expression of its own.
        options.push(("hostname", format!("\"{}\"", port.hostname.replace(['"', '\\'], ""))));
    }
    // A promise that is kept where the port's host sends to a physical network by a queue of its own.
    options.extend(port.qos.guaranteed_kbps.map(|kbps| ("qos_min_rate", (u64::from(kbps) * 1000).to_string())));
    options
}

/// What `ovn::dhcp` needs to know later, when only a subnet changes.
fn ids(port: &LPort) -> Vec<(&'static str, String)> {
    if port.role == PortRole::Metadata {
        return vec![];
    }
    let version = |v6: bool| if v6 { 6 } else { 4 };
    let subnets = port.addresses.iter().map(|(a, subnet)| format!("{}:{subnet}", version(a.is_ipv6())));
    let mut ids = vec![(SUBNETS, subnets.collect::<Vec<_>>().join(" "))];
    if !port.dhcp_options.is_empty() {
        ids.push((DHCP_OVERRIDES, serde_json::to_string(&port.dhcp_options).unwrap_or_default()));
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;
    use network::driver::{LCarrier, LQos, LRate};

    fn port() -> LPort {
        LPort {
            id: "p1".into(),
            network: "n1".into(),
            mac: "FA:16:3E:00:00:01".into(),
            addresses: vec![("10.0.0.5".parse().unwrap(), "s4".into()), ("fd00::5".parse().unwrap(), "s6".into())],
            allowed_pairs: vec![],
            port_security: true,
            groups: BTreeSet::from(["g1".into()]),
            admin_up: true,
            host: Some("h1".into()),
            standby: BTreeSet::new(),
            role: PortRole::Guest,
            dhcp_options: BTreeMap::new(),
            hostname: "vm".into(),
            carrier: None,
            qos: LQos::default(),
        }
    }

    fn check(port: &LPort, column: &'static str, expect: &str) {
        let draft = draft(port);
        assert_eq!(text(&draft, draft.main, column), expect, "{column}");
    }

    #[test]
    fn a_guests_port() {
        let p = port();
        check(&p, "type", "");
        check(&p, "addresses", "fa:16:3e:00:00:01 10.0.0.5 fd00::5");
        check(&p, "port_security", "fa:16:3e:00:00:01 10.0.0.5 fd00::5");
        check(&p, "options", "hostname=\"vm\"|requested-chassis=h1");
        check(&p, "enabled", "");
        let moving = LPort { standby: ["h2".into()].into(), ..p.clone() };
        check(&moving, "options", "activation-strategy=rarp|hostname=\"vm\"|requested-chassis=h1,h2");
        check(&LPort { admin_up: false, ..p.clone() }, "enabled", "false");
        let draft = draft(&p);
        assert_eq!(draft.edges.len(), 3, "switch, its group, drop group");
        assert_eq!(draft.needs, [switch(&"n1".into())]);
        assert!(text(&draft, draft.main, IDS).contains("tstack:subnets=4:s4 6:s6"));
    }

    #[test]
    fn a_subport_is_carried_by_another_port() {
        let sub = LPort { carrier: Some(LCarrier { port: "p0".into(), vlan: 42 }), host: None, ..port() };
        check(&sub, "parent_name", "p0");
        check(&sub, "tag", "42");
        check(&port(), "parent_name", "");
        assert_eq!(draft(&sub).needs, [switch(&"n1".into())], "its carrier may come later");
    }

    #[test]
    fn limits_are_the_ports() {
        let egress = Some(LRate { kbps: 1000, burst_kbits: 0 });
        let limited = LPort { qos: LQos { egress, guaranteed_kbps: Some(5), ..LQos::default() }, ..port() };
        let draft = draft(&limited);
        assert_eq!((draft.rows.len(), draft.edges.len()), (2, 4));
        check(&limited, "options", "hostname=\"vm\"|qos_min_rate=5000|requested-chassis=h1");
    }

    #[test]
    fn allowed_address_pairs_widen_what_may_be_sent() {
        let pair = |mac: &str, net: &str| (mac.to_owned(), net.parse().unwrap());
        let same = LPort { allowed_pairs: vec![pair("fa:16:3e:00:00:01", "10.9.0.0/16")], ..port() };
        check(&same, "addresses", "fa:16:3e:00:00:01 10.0.0.5 fd00::5");
        check(&same, "port_security", "fa:16:3e:00:00:01 10.0.0.5 10.9.0.0/16 fd00::5");
        let foreign = LPort { allowed_pairs: vec![pair("00:00:5e:00:01:01", "10.0.0.9/32")], ..port() };
        check(&foreign, "addresses", "fa:16:3e:00:00:01 10.0.0.5 fd00::5|unknown");
        check(&foreign, "port_security", "00:00:5e:00:01:01 10.0.0.9|fa:16:3e:00:00:01 10.0.0.5 fd00::5");
    }

    #[test]
    fn without_port_security_everything_passes_and_no_group_holds() {
        let open = LPort { port_security: false, ..port() };
        check(&open, "addresses", "fa:16:3e:00:00:01 10.0.0.5 fd00::5|unknown");
        check(&open, "port_security", "");
        assert_eq!(draft(&open).edges.len(), 1);
    }

    #[test]
    fn the_metadata_port_is_on_every_host() {
        let metadata = LPort { role: PortRole::Metadata, hostname: String::new(), ..port() };
        check(&metadata, "type", "localport");
        check(&metadata, "options", "");
        check(&metadata, "addresses", "fa:16:3e:00:00:01 10.0.0.5 fd00::5");
        assert_eq!(draft(&metadata).edges.len(), 1);
    }
}
