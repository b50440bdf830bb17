//! The part of OVN's northbound schema that we write: which tables and columns are ours, and how rows refer to each other.
//!
//! A column listed here is *owned*: whatever an operator writes into it is drift and gets repaired. A column not listed is
//! OVN's (`up`, `dynamic_addresses`, …) or the operator's, and is never read or written.

use crate::ovsdb::{Arity, Atom, Base, Column, IndexSpec, Monitored, Row};
use std::collections::BTreeSet;

pub const SWITCH: &str = "Logical_Switch";
pub const SWITCH_PORT: &str = "Logical_Switch_Port";
pub const ROUTER: &str = "Logical_Router";
pub const ROUTER_PORT: &str = "Logical_Router_Port";
pub const ROUTE: &str = "Logical_Router_Static_Route";
pub const NAT: &str = "NAT";
pub const PORT_GROUP: &str = "Port_Group";
pub const ACL: &str = "ACL";
pub const METER: &str = "Meter";
pub const METER_BAND: &str = "Meter_Band";
pub const LOAD_BALANCER: &str = "Load_Balancer";
pub const QOS: &str = "QoS";
pub const DHCP: &str = "DHCP_Options";
pub const GATEWAY_CHASSIS: &str = "Gateway_Chassis";

/// Marks a row as belonging to an object: its [`network::driver::LogicalKey`] as text.
pub const KEY: &str = "tstack:key";
/// On an object's main row: the object's digest, and the digest of all its rows as we wrote them.
pub const DIGEST: &str = "tstack:digest";
pub const ROWS: &str = "tstack:rows";
/// On a switch port: the subnets of its addresses in order, as `4:<id>` or `6:<id>` with blanks between.
pub const SUBNETS: &str = "tstack:subnets";
/// On a switch port: DHCP options its owner set, as JSON.
pub const DHCP_OVERRIDES: &str = "tstack:dhcp";
/// On a DHCP row: `4` or `6` if ports of the subnet are to use it.
pub const SERVES: &str = "tstack:serves";

pub const IDS: &str = "external_ids";

const fn column(base: Base, arity: Arity) -> Column {
    Column { base, arity }
}
const TEXT: Column = column(Base::String, Arity::One);
const TEXTS: Column = column(Base::String, Arity::Set);
const MAYBE_TEXT: Column = column(Base::String, Arity::Optional);
const FLAG: Column = column(Base::Boolean, Arity::One);
const MAYBE_FLAG: Column = column(Base::Boolean, Arity::Optional);
const INTEGER: Column = column(Base::Integer, Arity::One);
const MAYBE_INTEGER: Column = column(Base::Integer, Arity::Optional);
const MAYBE_ROW: Column = column(Base::Uuid, Arity::Optional);
const MAP: Column = column(Base::String, Arity::Map);

pub struct Table {
    pub name: &'static str,
    /// Rows of a root table stand alone and are deleted; others live as long as a parent's column names them.
    pub root: bool,
    pub columns: &'static [(&'static str, Column)],
}

pub const TABLES: &[Table] = &[
    Table { name: SWITCH, root: true, columns: &[("name", TEXT), ("other_config", MAP), (IDS, MAP)] },
    Table {
        name: SWITCH_PORT,
        root: false,
        columns: &[
            ("name", TEXT),
            ("type", TEXT),
            ("options", MAP),
            ("tag", MAYBE_INTEGER),
            ("parent_name", MAYBE_TEXT),
            ("addresses", TEXTS),
            ("port_security", TEXTS),
            ("enabled", MAYBE_FLAG),
            ("dhcpv4_options", MAYBE_ROW),
            ("dhcpv6_options", MAYBE_ROW),
            (IDS, MAP),
        ],
    },
    Table {
        name: ROUTER,
        root: true,
        columns: &[("name", TEXT), ("enabled", MAYBE_FLAG), ("options", MAP), (IDS, MAP)],
    },
    Table {
        name: ROUTER_PORT,
        root: false,
        columns: &[
            ("name", TEXT),
            ("networks", TEXTS),
            ("mac", TEXT),
            ("options", MAP),
            ("ipv6_ra_configs", MAP),
            (IDS, MAP),
        ],
    },
    Table {
        name: ROUTE,
        root: false,
        columns: &[("ip_prefix", TEXT), ("nexthop", TEXT), ("output_port", MAYBE_TEXT), (IDS, MAP)],
    },
    Table {
        name: NAT,
        root: false,
        columns: &[
            ("type", TEXT),
            ("external_ip", TEXT),
            ("external_mac", MAYBE_TEXT),
            ("logical_ip", TEXT),
            ("logical_port", MAYBE_TEXT),
            ("gateway_port", MAYBE_ROW),
            ("options", MAP),
            (IDS, MAP),
        ],
    },
    Table { name: PORT_GROUP, root: true, columns: &[("name", TEXT), (IDS, MAP)] },
    Table {
        name: ACL,
        root: false,
        columns: &[
            ("priority", INTEGER),
            ("direction", TEXT),
            ("match", TEXT),
            ("action", TEXT),
            ("log", FLAG),
            ("name", MAYBE_TEXT),
            ("severity", MAYBE_TEXT),
            ("meter", MAYBE_TEXT),
            (IDS, MAP),
        ],
    },
    // Its bands are named when it is made: the schema wants one at least.
    Table {
        name: METER,
        root: true,
        columns: &[("name", TEXT), ("unit", TEXT), ("bands", column(Base::Uuid, Arity::Set)), (IDS, MAP)],
    },
    Table {
        name: METER_BAND,
        root: false,
        columns: &[("action", TEXT), ("rate", INTEGER), ("burst_size", INTEGER), (IDS, MAP)],
    },
    Table {
        name: LOAD_BALANCER,
        root: true,
        columns: &[("name", TEXT), ("protocol", MAYBE_TEXT), ("vips", MAP), (IDS, MAP)],
    },
    Table {
        name: QOS,
        root: false,
        columns: &[
            ("priority", INTEGER),
            ("direction", TEXT),
            ("match", TEXT),
            ("action", MAP),
            ("bandwidth", MAP),
            (IDS, MAP),
        ],
    },
    Table { name: DHCP, root: true, columns: &[("cidr", TEXT), ("options", MAP), (IDS, MAP)] },
    Table {
        name: GATEWAY_CHASSIS,
        root: false,
        columns: &[("name", TEXT), ("chassis_name", TEXT), ("priority", INTEGER), (IDS, MAP)],
    },
];

pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|t| t.name == name)
}

/// The columns by which a parent holds its children: (parent's table, column, child's table, index over it).
pub const EDGES: &[(&str, &str, &str, &str)] = &[
    (SWITCH, "ports", SWITCH_PORT, "switch.ports"),
    (SWITCH, "acls", ACL, "switch.acls"),
    (SWITCH, "qos_rules", QOS, "switch.qos_rules"),
    (ROUTER, "ports", ROUTER_PORT, "router.ports"),
    (ROUTER, "static_routes", ROUTE, "router.static_routes"),
    (ROUTER, "nat", NAT, "router.nat"),
    (ROUTER, "load_balancer", LOAD_BALANCER, "router.load_balancer"),
    (ROUTER_PORT, "gateway_chassis", GATEWAY_CHASSIS, "router_port.gateway_chassis"),
    (PORT_GROUP, "ports", SWITCH_PORT, "port_group.ports"),
    (PORT_GROUP, "acls", ACL, "port_group.acls"),
];

/// Tables whose `name` is unique in the whole database, with the index over it.
pub const UNIQUE: &[(&str, &str)] = &[
    (SWITCH_PORT, "name.switch_port"),
    (ROUTER_PORT, "name.router_port"),
    (PORT_GROUP, "name.port_group"),
    (GATEWAY_CHASSIS, "name.gateway_chassis"),
];

/// The index that finds a table's rows by [`KEY`].
pub fn key_index(table: &str) -> &'static str {
    KEY_INDEXES.iter().find(|i| i.table == table).map_or("", |i| i.name)
}

fn by_key(row: &Row) -> BTreeSet<Atom> {
    row.entry(IDS, KEY).map(Atom::from).into_iter().collect()
}
fn by_name(row: &Row) -> BTreeSet<Atom> {
    BTreeSet::from([row.text("name").into()])
}
/// A port's subnets, each once.
fn by_subnet(row: &Row) -> BTreeSet<Atom> {
    subnets(row.entry(IDS, SUBNETS).unwrap_or_default()).map(|(_, id)| Atom::from(id)).collect()
}

/// Reads [`SUBNETS`]: whether the address is IPv6, and the subnet.
pub fn subnets(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.split(' ').filter_map(|part| part.split_once(':')).map(|(version, id)| (version == "6", id))
}

const fn key(table: &'static str, name: &'static str) -> IndexSpec {
    IndexSpec { name, table, keys: by_key }
}
const KEY_INDEXES: &[IndexSpec] = &[
    key(SWITCH, "key.switch"),
    key(SWITCH_PORT, "key.switch_port"),
    key(ROUTER, "key.router"),
    key(ROUTER_PORT, "key.router_port"),
    key(ROUTE, "key.route"),
    key(NAT, "key.nat"),
    key(PORT_GROUP, "key.port_group"),
    key(ACL, "key.acl"),
    key(METER, "key.meter"),
    key(METER_BAND, "key.meter_band"),
    key(LOAD_BALANCER, "key.load_balancer"),
    key(QOS, "key.qos"),
    key(DHCP, "key.dhcp"),
    key(GATEWAY_CHASSIS, "key.gateway_chassis"),
];

pub const PORTS_BY_SUBNET: &str = "subnet.switch_port";

macro_rules! edge_index {
    ($table:expr, $column:literal, $name:literal) => {
        IndexSpec { name: $name, table: $table, keys: |row| row.uuids($column).map(Atom::from).collect() }
    };
}

pub fn indexes() -> Vec<IndexSpec> {
    let names = UNIQUE.iter().map(|(table, name)| IndexSpec { name, table, keys: by_name });
    let mut all: Vec<_> = KEY_INDEXES.iter().copied().chain(names).collect();
    all.push(IndexSpec { name: PORTS_BY_SUBNET, table: SWITCH_PORT, keys: by_subnet });
    all.extend([
        edge_index!(SWITCH, "ports", "switch.ports"),
        edge_index!(SWITCH, "acls", "switch.acls"),
        edge_index!(SWITCH, "qos_rules", "switch.qos_rules"),
        edge_index!(ROUTER, "ports", "router.ports"),
        edge_index!(ROUTER, "static_routes", "router.static_routes"),
        edge_index!(ROUTER, "nat", "router.nat"),
        edge_index!(ROUTER, "load_balancer", "router.load_balancer"),
        edge_index!(ROUTER_PORT, "gateway_chassis", "router_port.gateway_chassis"),
        edge_index!(PORT_GROUP, "ports", "port_group.ports"),
        edge_index!(PORT_GROUP, "acls", "port_group.acls"),
    ]);
    all
}

/// What the replica of the northbound database holds.
pub fn monitored() -> Vec<Monitored> {
    vec![
        Monitored { table: "NB_Global", columns: &["nb_cfg", "options"] },
        Monitored { table: SWITCH, columns: &["name", "other_config", IDS, "ports", "acls", "qos_rules"] },
        Monitored {
            table: SWITCH_PORT,
            columns: &[
                "name",
                "type",
                "options",
                "tag",
                "parent_name",
                "addresses",
                "port_security",
                "enabled",
                "dhcpv4_options",
                "dhcpv6_options",
                IDS,
                "up",
            ],
        },
        Monitored {
            table: ROUTER,
            columns: &["name", "enabled", "options", IDS, "ports", "static_routes", "nat", "load_balancer"],
        },
        Monitored {
            table: ROUTER_PORT,
            columns: &["name", "networks", "mac", "options", "ipv6_ra_configs", IDS, "gateway_chassis"],
        },
        Monitored { table: ROUTE, columns: &["ip_prefix", "nexthop", "output_port", IDS] },
        Monitored {
            table: NAT,
            columns: &[
                "type",
                "external_ip",
                "external_mac",
                "logical_ip",
                "logical_port",
                "gateway_port",
                "options",
                IDS,
            ],
        },
        Monitored { table: PORT_GROUP, columns: &["name", IDS, "ports", "acls"] },
        Monitored {
            table: ACL,
            columns: &["priority", "direction", "match", "action", "log", "name", "severity", "meter", IDS],
        },
        Monitored { table: METER, columns: &["name", "unit", "bands", IDS] },
        Monitored { table: METER_BAND, columns: &["action", "rate", "burst_size", IDS] },
        Monitored { table: LOAD_BALANCER, columns: &["name", "protocol", "vips", IDS] },
        Monitored { table: QOS, columns: &["priority", "direction", "match", "action", "bandwidth", IDS] },
        Monitored { table: DHCP, columns: &["cidr", "options", IDS] },
        Monitored { table: GATEWAY_CHASSIS, columns: &["name", "chassis_name", "priority", IDS] },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owned_is_monitored_and_what_is_searched_is_indexed() {
        let (monitored, indexes) = (monitored(), indexes());
        let has = |table: &str, column: &str| monitored.iter().any(|m| m.table == table && m.columns.contains(&column));
        for table in TABLES {
            assert!(table.columns.iter().all(|(column, _)| has(table.name, column)), "{}", table.name);
            assert!(indexes.iter().any(|i| i.name == key_index(table.name) && i.table == table.name), "{}", table.name);
        }
        for (parent, column, child, index) in EDGES {
            assert!(has(parent, column) && table(child).is_some(), "{parent}.{column}");
            assert!(indexes.iter().any(|i| i.name == *index && i.table == *parent), "{index}");
        }
        assert_eq!(subnets("4:a 6:b").collect::<Vec<_>>(), [(false, "a"), (true, "b")]);
        assert_eq!(subnets("").count(), 0);
    }
}
