//! What a port gets by DHCP: the one thing that follows from two objects. The subnet says what its ports are told, the port
//! which subnets its addresses are from and what its owner wants told differently. Whichever of the two is put, the port's
//! references to DHCP rows are worked out again from what both rows say, so neither needs the other to be put again.
//!
//! A port without wishes of its own uses the subnet's row; one with wishes has a row of its own, the subnet's with changes.

use super::{
    draft::{At, Columns},
    tables::{self, DHCP, DHCP_OVERRIDES, IDS, KEY, SERVES, SUBNETS},
};
use crate::ovsdb::{Atom, Datum, Replica, Row};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};
use uuid::Uuid;

/// A subnet's DHCP row.
#[derive(Clone, Debug)]
pub struct Base {
    pub uuid: Uuid,
    pub cidr: String,
    pub options: BTreeMap<Atom, Atom>,
    /// `4`, `6` or nothing.
    pub serves: String,
}

impl Base {
    pub fn of_subnet(id: &str, replica: &Replica) -> Option<Self> {
        let at = At::new(DHCP, id);
        Self::of_row(at.uuid, replica.row(DHCP, at.uuid)?)
    }

    fn of_row(uuid: Uuid, row: &Row) -> Option<Self> {
        let serves = row.entry(IDS, SERVES)?.to_owned();
        let options = if let Some(Datum::Map(m)) = row.get("options") { m.clone() } else { BTreeMap::new() };
        Some(Self { uuid, cidr: row.text("cidr").to_owned(), options, serves })
    }

    pub fn of_draft(uuid: Uuid, columns: &Columns) -> Option<Self> {
        let serves = columns.get(IDS)?.get(SERVES)?.to_owned();
        let options = if let Some(Datum::Map(m)) = columns.get("options") { m.clone() } else { BTreeMap::new() };
        let cidr = columns.get("cidr").and_then(Datum::only).and_then(Atom::as_str).unwrap_or_default().to_owned();
        Some(Self { uuid, cidr, options, serves })
    }
}

/// What a port's row is to refer to, and the rows it has for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub v4: Option<Uuid>,
    pub v6: Option<Uuid>,
    pub own: BTreeMap<At, Columns>,
}

impl Wanted {
    pub fn columns(&self) -> [(&'static str, Datum); 2] {
        [("dhcpv4_options", Datum::set(self.v4)), ("dhcpv6_options", Datum::set(self.v6))]
    }
}

/// `ids`: the external ids of the port's row.
pub fn wanted(ids: &Datum, base: impl Fn(&str) -> Option<Base>) -> Wanted {
    let mut wanted = Wanted::default();
    let key = ids.get(KEY).unwrap_or_default();
    let overrides: BTreeMap<String, String> =
        ids.get(DHCP_OVERRIDES).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    if overrides.get("dhcp_disabled").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
        return wanted;
    }
    for (v6, subnet) in tables::subnets(ids.get(SUBNETS).unwrap_or_default()) {
        let (version, slot) = if v6 { ("6", &mut wanted.v6) } else { ("4", &mut wanted.v4) };
        let Some(base) = base(subnet).filter(|base| base.serves == version && slot.is_none()) else { continue };
        let changes: BTreeMap<_, _> = overrides.iter().filter_map(|(name, value)| option(v6, name, value)).collect();
        *slot = Some(base.uuid);
        if !changes.is_empty() {
            let at = At::new(DHCP, &format!("{key}/{version}"));
            let mut options = base.options;
            options.extend(changes.into_iter().map(|(k, v)| (k.into(), v.into())));
            let ids = Datum::map([(KEY, key)]);
            wanted
                .own
                .insert(at, [("cidr", Datum::one(base.cidr)), ("options", Datum::Map(options)), (IDS, ids)].into());
            *slot = Some(at.uuid);
        }
    }
    wanted
}

/// True if the port's row and its own DHCP rows are as they should be.
pub fn is_settled(port: &Row, replica: &Replica) -> bool {
    let Some(ids) = port.get(IDS) else { return true };
    let wanted = wanted(ids, |subnet| Base::of_subnet(subnet, replica));
    let refers = wanted.columns().iter().all(|(column, datum)| port.get(column).unwrap_or(&Datum::empty()) == datum);
    let own = replica.find(tables::key_index(DHCP), &ids.get(KEY).unwrap_or_default().into()).collect::<BTreeSet<_>>();
    let expected = wanted.own.keys().map(|at| at.uuid).collect();
    let same = |at: &At, columns: &Columns| {
        replica
            .row(DHCP, at.uuid)
            .is_some_and(|row| columns.iter().all(|(c, datum)| replica.value(DHCP, row, c) == *datum))
    };
    refers && own == expected && wanted.own.iter().all(|(at, columns)| same(at, columns))
}

/// An option under the name that Neutron's clients use (dnsmasq's names, or its number), in OVN's form; `None` if OVN does
/// not know it or if it is for the other version. Those for IPv6 begin with `option6:`, as dnsmasq has it: numbers mean other
/// things there.
fn option(v6: bool, name: &str, value: &str) -> Option<(&'static str, String)> {
    let name = name.to_ascii_lowercase();
    let (for_v6, name) = match name.strip_prefix("option6:") {
        Some(name) => (true, name),
        None => (false, name.strip_prefix("option:").unwrap_or(&name)),
    };
    if for_v6 != v6 {
        return None;
    }
    if v6 {
        let for_v6 = |value: &str| value.split(',').all(|a| a.trim().parse::<IpAddr>().is_ok_and(|a| a.is_ipv6()));
        return match name {
            "dns-server" | "23" => for_v6(value).then(|| ("dns_server", braced(value))),
            "domain-search" | "24" => Some(("domain_search", quoted(value))),
            _ => None,
        };
    }
    let (_, _, ovn, kind) = OPTIONS.iter().find(|(text, code, ..)| *text == name || *code == name)?;
    match kind {
        Kind::Addresses => {
            value.split(',').all(|a| a.trim().parse::<std::net::Ipv4Addr>().is_ok()).then(|| (*ovn, braced(value)))
        }
        Kind::Text => Some((*ovn, quoted(value))),
        Kind::Plain => Some((*ovn, value.to_owned())),
    }
}

fn braced(list: &str) -> String {
    if list.contains(',') { format!("{{{list}}}") } else { list.to_owned() }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(['"', '\\'], ""))
}

#[derive(Clone, Copy)]
enum Kind {
    /// One IPv4 address or several.
    Addresses,
    Text,
    /// Numbers, flags and what has a syntax of its own.
    Plain,
}

/// dnsmasq's name, the option's code (RFC 2132 and its successors), OVN's name (ovn-nb(5), DHCP_Options), its form.
const OPTIONS: &[(&str, &str, &str, Kind)] = &[
    ("netmask", "1", "netmask", Kind::Addresses),
    ("router", "3", "router", Kind::Addresses),
    ("dns-server", "6", "dns_server", Kind::Addresses),
    ("log-server", "7", "log_server", Kind::Addresses),
    ("lpr-server", "9", "lpr_server", Kind::Addresses),
    ("hostname", "12", "hostname", Kind::Text),
    ("domain-name", "15", "domain_name", Kind::Text),
    ("swap-server", "16", "swap_server", Kind::Addresses),
    ("ip-forward-enable", "19", "ip_forward_enable", Kind::Plain),
    ("policy-filter", "21", "policy_filter", Kind::Addresses),
    ("default-ttl", "23", "default_ttl", Kind::Plain),
    ("mtu", "26", "mtu", Kind::Plain),
    ("broadcast", "28", "broadcast_address", Kind::Plain),
    ("router-discovery", "31", "router_discovery", Kind::Plain),
    ("router-solicitation", "32", "router_solicitation", Kind::Addresses),
    ("arp-timeout", "35", "arp_cache_timeout", Kind::Plain),
    ("ethernet-encap", "36", "ethernet_encap", Kind::Plain),
    ("tcp-ttl", "37", "tcp_ttl", Kind::Plain),
    ("tcp-keepalive", "38", "tcp_keepalive_interval", Kind::Plain),
    ("nis-server", "41", "nis_server", Kind::Addresses),
    ("ntp-server", "42", "ntp_server", Kind::Addresses),
    ("netbios-ns", "44", "netbios_name_server", Kind::Addresses),
    ("netbios-nodetype", "46", "netbios_node_type", Kind::Plain),
    ("lease-time", "51", "lease_time", Kind::Plain),
    ("t1", "58", "T1", Kind::Plain),
    ("t2", "59", "T2", Kind::Plain),
    ("tftp-server", "66", "tftp_server", Kind::Text),
    ("bootfile-name", "67", "bootfile_name", Kind::Text),
    ("domain-search", "119", "domain_search_list", Kind::Text),
    ("classless-static-route", "121", "classless_static_route", Kind::Plain),
    ("tftp-server-address", "150", "tftp_server_address", Kind::Plain),
    ("path-prefix", "210", "path_prefix", Kind::Text),
    ("ms-classless-static-route", "249", "ms_classless_static_route", Kind::Plain),
    ("wpad", "252", "wpad", Kind::Text),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn base(id: &str) -> Option<Base> {
        let serves = match id {
            "s4" | "t4" => "4",
            "s6" => "6",
            "off" => "",
            _ => return None,
        };
        let options = [(Atom::from("mtu"), Atom::from("1442"))].into();
        Some(Base { uuid: At::new(DHCP, id).uuid, cidr: "10.0.0.0/24".into(), options, serves: serves.into() })
    }

    #[test]
    fn a_port_uses_its_first_subnet_that_serves() {
        let check = |subnets: &str, v4: Option<&str>, v6: Option<&str>| {
            let wanted = wanted(&Datum::map([(KEY, "port/p"), (SUBNETS, subnets)]), base);
            let row = |id: Option<&str>| id.map(|id| At::new(DHCP, id).uuid);
            assert_eq!(wanted, Wanted { v4: row(v4), v6: row(v6), own: BTreeMap::new() }, "{subnets}");
        };
        check("", None, None);
        check("4:s4", Some("s4"), None);
        check("4:off 4:t4 4:s4", Some("t4"), None);
        check("4:gone 6:s6", None, Some("s6"));
        check("4:s4 6:s6", Some("s4"), Some("s6"));
    }

    #[test]
    fn wishes_make_a_row_of_the_ports_own() {
        let ids = |json: &str| Datum::map([(KEY, "port/p"), (SUBNETS, "4:s4 6:s6"), (DHCP_OVERRIDES, json)]);
        let changed = wanted(&ids(r#"{"bootfile-name": "boot.img", "mtu": "1300", "nonsense": "x"}"#), base);
        let (at, columns) = changed.own.first_key_value().unwrap();
        assert_eq!((changed.own.len(), changed.v4), (1, Some(at.uuid)));
        assert_eq!(changed.v6, Some(At::new(DHCP, "s6").uuid), "no wish concerns IPv6");
        assert_eq!(
            (columns["options"].get("bootfile_name"), columns["options"].get("mtu")),
            (Some("\"boot.img\""), Some("1300"))
        );
        assert_eq!(wanted(&ids(r#"{"dhcp_disabled": "true"}"#), base), Wanted::default());
        assert!(wanted(&ids(r#"{"nonsense": "x"}"#), base).own.is_empty());
    }

    #[test]
    fn option_names_and_forms() {
        let check = |v6: bool, name: &str, value: &str, expect: Option<(&str, &str)>| {
            let got = option(v6, name, value);
            assert_eq!(got.as_ref().map(|(n, v)| (*n, v.as_str())), expect, "{name}={value}");
        };
        check(false, "dns-server", "1.1.1.1,8.8.8.8", Some(("dns_server", "{1.1.1.1,8.8.8.8}")));
        check(false, "6", "1.1.1.1", Some(("dns_server", "1.1.1.1")));
        check(false, "dns-server", "fd00::1", None);
        check(true, "option6:dns-server", "fd00::1,fd00::2", Some(("dns_server", "{fd00::1,fd00::2}")));
        check(true, "option6:23", "fd00::1", Some(("dns_server", "fd00::1")));
        check(true, "Option6:Domain-Search", "a.example", Some(("domain_search", "\"a.example\"")));
        check(true, "option6:mtu", "1300", None);
        check(true, "23", "64", None);
        check(true, "dns-server", "1.1.1.1", None);
        check(false, "option6:23", "fd00::1", None);
        check(false, "23", "64", Some(("default_ttl", "64")));
        check(false, "option:bootfile-name", "a\"b", Some(("bootfile_name", "\"ab\"")));
        check(false, "router", "not an address", None);
    }
}
