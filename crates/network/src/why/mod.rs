//! Whether a packet gets from here to there, and what decides: `tstack net why`.
//!
//! ```text
//!   guest A ─▶ its groups ─▶ its subnet's routes ─┬─▶ on the same network ──────────────────────▶ groups of B ─▶ guest B
//!                                                 └─▶ router ─▶ route ─▶ NAT ─▶ next network ─┬─▶ ─────┘
//!                                                      ▲                                      └─▶ outside
//!                                                      └──────────────────────────────────────────┘ (another router)
//! ```
//!
//! A pure walk over the logical objects that the back end is given ([`crate::driver::Logical`]), so the answer is about what
//! we say, and comparing it with the back end's own (`ovn-trace`, real packets) shows whether it does as it is told. It
//! follows the first packet of a connection; answers to a stateless group need rules of their own, and the answer says so.
//!
//! What it assumes of guests: they use the routes that DHCP and router advertisements tell them, and send from the first
//! address of the family.

mod filter;
mod plan;
mod walk;

pub use plan::Plan;

use crate::driver::LogicalKey;
use kernel::{NetworkId, PortId, RouterId};
use serde::Serialize;
use std::{fmt, net::IpAddr};

/// The MAC address of somebody outside.
const STRANGER: &str = "02:00:00:00:00:01";

/// Where a packet begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Port(PortId),
    /// Somebody on a provider network who is none of ours.
    Outside {
        network: NetworkId,
        address: IpAddr,
    },
}

/// What kind of packet, by its IP protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An echo request of the addresses' family.
    Ping,
    Tcp(u16),
    Udp(u16),
    /// Any other protocol, by its number.
    Other(u8),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub from: Origin,
    pub to: IpAddr,
    pub what: What,
}

/// Where a packet ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "at", content = "id", rename_all = "snake_case")]
pub enum Arrival {
    Port(PortId),
    /// A router answers for itself.
    Router(RouterId),
    /// Leaves for what is none of ours, on this provider network.
    Outside(NetworkId),
    Stopped,
}

/// One thing that lets the packet on, or stops it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// `port/<id>`: the object that decides.
    pub by: String,
    pub says: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    pub arrives: Arrival,
    /// In the packet's order; where it is stopped, the last one says why.
    pub steps: Vec<Step>,
    /// As it arrives, after translation.
    pub source: IpAddr,
    /// Its last frame is on a provider network, where others hear it too.
    pub on_wire: bool,
    /// Whose MAC address the first frame is sent to: nothing is sent without.
    pub first_hop: Option<String>,
}

/// The first frame of a packet's way, for whoever traces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub from: Origin,
    pub from_mac: String,
    pub to_mac: String,
    pub source: IpAddr,
    pub to: IpAddr,
    pub what: What,
}

/// What a back end says becomes of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// Ports that it is put out to, with the MAC address that it is for by then: a frame that no switch can place is put out
    /// to ports without port security, whose guests it is not for.
    pub ports: Vec<(PortId, String)>,
    /// Networks on which it leaves.
    pub outside: Vec<NetworkId>,
    /// A router answers it.
    pub answered: bool,
    /// It ends where a router asks for a neighbour, and is answered.
    pub asks: bool,
    /// In the back end's own words.
    pub text: String,
}

impl Trace {
    /// Whether it says the same as an answer. What is stopped on a provider network is on the wire all the same.
    pub fn compare(&self, plan: &Plan, answer: &Answer) -> Agreement {
        let is_for = |(port, mac): &&(PortId, String)| plan.port(port).is_some_and(|p| p.mac.eq_ignore_ascii_case(mac));
        let mut reached = self.ports.iter().filter(is_for).map(|(port, _)| port);
        let same = match &answer.arrives {
            Arrival::Port(port) => reached.any(|at| at == port),
            Arrival::Outside(network) => self.outside.contains(network),
            Arrival::Router(_) => self.answered,
            Arrival::Stopped => reached.next().is_none() && (answer.on_wire || self.outside.is_empty()),
        };
        match (same, self.asks) {
            (true, _) => Agreement::Same,
            (false, true) => Agreement::Unknown,
            (false, false) => Agreement::Different,
        }
    }
}

/// An answer and a trace side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    Same,
    Different,
    /// The trace ends where a router has yet to learn a neighbour.
    Unknown,
}

/// The frame that begins a packet's way; `None` if nothing is ever sent, because nobody is there to send it to.
pub fn frame(plan: &Plan, question: &Question, answer: &Answer) -> Option<Frame> {
    let to_mac = answer.first_hop.clone()?;
    let (from_mac, source) = match &question.from {
        Origin::Port(id) => (plan.port(id)?.mac.to_lowercase(), plan.address_of(id, question.to.is_ipv6())?),
        Origin::Outside { address, .. } => (STRANGER.to_owned(), *address),
    };
    Some(Frame { from: question.from.clone(), from_mac, to_mac, source, to: question.to, what: question.what })
}

/// The answer to a question.
pub fn why(plan: &Plan, question: &Question) -> Answer {
    walk::walk(plan, question)
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ping => f.write_str("ping"),
            Self::Tcp(port) => write!(f, "tcp/{port}"),
            Self::Udp(port) => write!(f, "udp/{port}"),
            Self::Other(number) => write!(f, "IP protocol {number}"),
        }
    }
}

impl Step {
    fn new(by: &LogicalKey, says: impl Into<String>) -> Self {
        Self { by: by.to_string(), says: says.into() }
    }
}
