//! Which hosts carry a router's gateway: the first of its list that is alive does (OVN's BFD decides that within half a second),
//! the others stand by. The list follows the hosts that exist; a router keeps its host as long as that exists, so that
//! nothing moves without need.

use super::{
    draft::{At, Draft},
    names,
    tables::{GATEWAY_CHASSIS, IDS, KEY, ROUTER_PORT, SWITCH, SWITCH_PORT},
};
use crate::ovsdb::{Atom, Datum, Mutation, Mutator, Op, Replica};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use uuid::Uuid;

/// More stand-bys would only cost BFD sessions.
const CHASSIS_PER_ROUTER: usize = 5;
const HIGHEST_PRIORITY: i64 = 1000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chassis {
    pub name: String,
    /// The operator named it for gateways (`enable-chassis-as-gw`).
    pub named: bool,
    /// Physical networks it is connected to.
    pub physical: BTreeSet<String>,
}

/// The chassis of the southbound database.
pub fn chassis(southbound: &Replica) -> Vec<Chassis> {
    let read = |(_, row): (Uuid, &crate::ovsdb::Row)| {
        // Since OVN 20.12 in `other_config`, also in later versions.
        let get = |key: &str| row.entry("other_config", key).or_else(|| row.entry(IDS, key)).unwrap_or_default();
        let named = get("ovn-cms-options").split(',').any(|o| o == "enable-chassis-as-gw");
        let mappings = get("ovn-bridge-mappings").split(',').filter_map(|m| Some(m.split_once(':')?.0.to_owned()));
        Chassis { name: row.text("name").to_owned(), named, physical: mappings.collect() }
    };
    southbound.rows("Chassis").map(read).collect()
}

/// Of hosts that could carry gateways those that may. Who is dead is OVN's to see, sooner than we could; but a host that sees no
/// other takes itself for the one that is cut off and carries nothing (`ha_chassis_group_is_active` of ovn-controller). So when a
/// single one is left alive, it is made the only one.
pub fn carriers(all: Vec<Chassis>, alive: impl Fn(&str) -> bool) -> Vec<Chassis> {
    let left: Vec<_> = all.iter().filter(|c| alive(&c.name)).cloned().collect();
    if left.len() == 1 { left } else { all }
}

/// BFD of the tunnels between hosts of gateways (ovn-nb(5), NB_Global options; RFC 5880): without it, a second and three misses.
/// Other options there are OVN's or the operator's.
pub fn heartbeats(northbound: &Replica, every: Duration) -> Vec<Op> {
    let Some((_, row)) = northbound.rows("NB_Global").next() else { return vec![] };
    let every = every.as_millis().max(1).to_string();
    let wanted = [("bfd-min-rx", every.as_str()), ("bfd-min-tx", every.as_str()), ("bfd-mult", "3")];
    if wanted.iter().all(|(key, value)| row.entry("options", key) == Some(*value)) {
        return vec![];
    }
    let mutations = vec![
        Mutation::new("options", Mutator::Delete, Datum::set(wanted.map(|(key, _)| Atom::from(key)))),
        Mutation::new("options", Mutator::Insert, Datum::map(wanted)),
    ];
    vec![Op::Mutate { table: "NB_Global".into(), when: vec![], mutations }]
}

/// The drafts that give every gateway its chassis. A gateway for which there is no candidate keeps what it has.
pub fn drafts(northbound: &Replica, chassis: &[Chassis]) -> Vec<Draft> {
    let mut gateways: BTreeMap<&str, (At, Vec<String>)> = BTreeMap::new();
    let mut load: BTreeMap<String, usize> = BTreeMap::new();
    let ports = northbound
        .rows(ROUTER_PORT)
        .filter(|(_, row)| row.entry(IDS, KEY).is_some_and(|key| key.starts_with("router/")));
    for (uuid, row) in ports {
        let current = current(northbound, row);
        if let Some(first) = current.first() {
            *load.entry(first.clone()).or_default() += 1;
        }
        gateways.insert(row.text("name"), (At { table: ROUTER_PORT, uuid }, current));
    }
    let mut drafts = Vec::new();
    for (name, (port, current)) in gateways {
        let chosen = order(&current, &candidates(chassis, physical_of(northbound, name)), &load);
        if let Some(first) = chosen.first().filter(|first| current.first() != Some(*first)) {
            *load.entry(first.clone()).or_default() += 1;
        }
        if !chosen.is_empty() {
            drafts.push(draft(name, port, &chosen));
        }
    }
    drafts
}

fn draft(name: &str, port: At, chosen: &[String]) -> Draft {
    let mut draft = Draft::new(format!("gateway/{name}"), port);
    for (priority, chassis) in (0..HIGHEST_PRIORITY).rev().zip(chosen) {
        let row = format!("{name}_{chassis}");
        let at = At::new(GATEWAY_CHASSIS, &row);
        let columns = [
            ("name", Datum::one(row)),
            ("chassis_name", Datum::one(chassis.as_str())),
            ("priority", Datum::one(priority + 1)),
        ];
        draft.row(at, columns).under(port, "gateway_chassis", at);
    }
    draft
}

/// A gateway's chassis now, first the one with the highest priority.
fn current(northbound: &Replica, port: &crate::ovsdb::Row) -> Vec<String> {
    let rows = port.uuids("gateway_chassis").filter_map(|uuid| northbound.row(GATEWAY_CHASSIS, uuid));
    let mut rows: Vec<_> =
        rows.map(|row| (-row.int("priority").unwrap_or(0), row.text("chassis_name").to_owned())).collect();
    rows.sort();
    rows.into_iter().map(|(_, chassis)| chassis).collect()
}

/// The physical network that a gateway's switch is on.
fn physical_of<'a>(northbound: &'a Replica, router_port: &str) -> Option<&'a str> {
    let end = names::row(SWITCH_PORT, router_port.strip_prefix("lrp-")?);
    let switch = northbound.find("switch.ports", &end.into()).next()?;
    let network = northbound.row(SWITCH, switch)?.text("name");
    let localnet = names::row(SWITCH_PORT, &format!("localnet/{network}"));
    northbound.row(SWITCH_PORT, localnet)?.entry("options", "network_name")
}

/// Chassis on the physical network; those that operators named, if they named any.
fn candidates<'a>(chassis: &'a [Chassis], physical: Option<&str>) -> Vec<&'a str> {
    let connected: Vec<_> = chassis.iter().filter(|c| physical.is_none_or(|p| c.physical.contains(p))).collect();
    let named = connected.iter().any(|c| c.named);
    connected.iter().filter(|c| c.named || !named).map(|c| c.name.as_str()).collect()
}

fn order(current: &[String], candidates: &[&str], load: &BTreeMap<String, usize>) -> Vec<String> {
    let mut order: Vec<_> = current.iter().filter(|c| candidates.contains(&c.as_str())).cloned().collect();
    let mut fresh: Vec<_> = candidates.iter().filter(|c| !order.iter().any(|o| o == *c)).collect();
    fresh.sort_by_key(|c| (load.get(**c).copied().unwrap_or(0), **c));
    order.extend(fresh.into_iter().map(|c| (*c).to_owned()));
    order.truncate(CHASSIS_PER_ROUTER);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chassis(name: &str, named: bool, physical: &[&str]) -> Chassis {
        Chassis { name: name.into(), named, physical: physical.iter().map(|p| (*p).to_owned()).collect() }
    }

    #[test]
    fn who_may_carry_a_gateway() {
        let all = [
            chassis("a", false, &["public"]),
            chassis("b", true, &["public"]),
            chassis("c", true, &[]),
            chassis("d", false, &["lab"]),
        ];
        assert_eq!(candidates(&all, Some("public")), ["b"]);
        assert_eq!(candidates(&all, Some("lab")), ["d"]);
        assert_eq!(candidates(&all, Some("none")), Vec::<&str>::new());
        assert_eq!(candidates(&all, None), ["b", "c"]);
    }

    #[test]
    fn who_is_left_alone_carries() {
        let all = ["a", "b", "c"].map(|name| chassis(name, false, &[])).to_vec();
        let check = |alive: &[&str], expect: &[&str]| {
            let carriers = carriers(all.clone(), |name| alive.contains(&name));
            assert_eq!(carriers.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), expect, "{alive:?}");
        };
        check(&["a", "b", "c"], &["a", "b", "c"]);
        check(&["a", "b"], &["a", "b", "c"]);
        check(&["b"], &["b"]);
        check(&[], &["a", "b", "c"]);
    }

    #[test]
    fn gateways_stay_where_they_are_and_new_ones_go_to_the_least_loaded() {
        let check = |current: &[&str], candidates: &[&str], load: &[(&str, usize)], expect: &[&str]| {
            let current: Vec<_> = current.iter().map(|c| (*c).to_owned()).collect();
            let load = load.iter().map(|(c, n)| ((*c).to_owned(), *n)).collect();
            assert_eq!(order(&current, candidates, &load), expect);
        };
        check(&[], &["a", "b"], &[("a", 3)], &["b", "a"]);
        check(&["b"], &["a", "b", "c"], &[("b", 9)], &["b", "a", "c"]);
        check(&["gone", "b"], &["a", "b"], &[], &["b", "a"]);
        check(&[], &["a", "b", "c", "d", "e", "f"], &[], &["a", "b", "c", "d", "e"]);
        check(&["a"], &[], &[], &[]);
    }
}
