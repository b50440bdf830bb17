//! From an object of the logical network to the rows that OVN wants for it: pure functions, one file per kind.
//!
//! ```text
//!   Network          Logical_Switch [+ localnet port] [+ two ACLs that close it while it is administratively down]
//!   Subnet           DHCP_Options
//!   SecurityGroup    Port_Group + an ACL per rule
//!   Port             Logical_Switch_Port, member of its groups and of the drop group
//!   Router           Logical_Router + static routes [+ gateway: router port, its switch port, SNAT]
//!   RouterInterface  Logical_Router_Port + its switch port
//!   FloatingIp       NAT
//!   PortForwarding   Load_Balancer
//! ```
//!
//! Limits are rows of their own (`qos`) with the object that they limit. What a port gets by DHCP depends on the port and on its subnets: that is the one join, in `ovn::dhcp`.

mod floating_ip;
mod group;
mod network;
mod port;
mod port_forwarding;
mod qos;
mod router;
mod subnet;

pub use group::drop_group;
pub use qos::limits;
pub use subnet::METADATA as METADATA_ADDRESS;

use super::{
    Settings,
    draft::{At, Draft},
    names,
    tables::{PORT_GROUP, ROUTER, ROUTER_PORT, SWITCH, SWITCH_PORT},
};
use crate::ovsdb::Datum;
use ::network::driver::Logical;
use kernel::{NetworkId, PortId, RouterId, SecurityGroupId};
use std::net::IpAddr;

pub fn draft(object: &Logical, settings: &Settings) -> Draft {
    let draft = match object {
        Logical::Network(o) => network::draft(o),
        Logical::Subnet(o) => subnet::draft(o, settings),
        Logical::SecurityGroup(o) => group::draft(o),
        Logical::Port(o) => port::draft(o),
        Logical::Router(o) => router::draft(o),
        Logical::RouterInterface(o) => router::interface(o),
        Logical::FloatingIp(o) => floating_ip::draft(o, settings),
        Logical::PortForwarding(o) => port_forwarding::draft(o),
    };
    draft.sealed(object.digest())
}

pub fn switch(id: &NetworkId) -> At {
    At::new(SWITCH, id.as_str())
}
pub fn switch_port(id: &PortId) -> At {
    At::new(SWITCH_PORT, id.as_str())
}
pub fn router(id: &RouterId) -> At {
    At::new(ROUTER, id.as_str())
}
pub fn router_port(id: &PortId) -> At {
    At::new(ROUTER_PORT, id.as_str())
}
pub fn group(id: &SecurityGroupId) -> At {
    At::new(PORT_GROUP, &names::port_group(id))
}

/// A map column, from whatever pairs apply.
fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Datum {
    Datum::map(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)))
}

/// `enabled`: absent means yes.
fn enabled(up: bool) -> Datum {
    if up { Datum::empty() } else { Datum::one(false) }
}

/// `{a, b}`, OVN's way to write several addresses; `None` if there are none.
fn braces(addresses: impl IntoIterator<Item = IpAddr>) -> Option<String> {
    let all: Vec<_> = addresses.into_iter().map(|a| a.to_string()).collect();
    match all.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("{{{}}}", all.join(", "))),
    }
}

#[cfg(test)]
pub mod testing {
    //! What the translations' tables of cases look at.

    use super::*;
    use crate::ovsdb::Atom;

    pub fn text(draft: &Draft, at: At, column: &'static str) -> String {
        match draft.rows[&at].get(column) {
            None => String::new(),
            Some(Datum::Set(s)) => s.iter().map(atom).collect::<Vec<_>>().join("|"),
            Some(Datum::Map(m)) => {
                m.iter().map(|(k, v)| format!("{}={}", atom(k), atom(v))).collect::<Vec<_>>().join("|")
            }
        }
    }

    fn atom(a: &Atom) -> String {
        a.as_str().map_or_else(|| a.to_json().to_string(), str::to_owned)
    }
}
