//! Port forwardings: some ports of a floating IP lead to some of a guest's.
//!
//! The floating IP says through which router all its forwardings lead and which they are, the guest's port which lead to it: making
//! one writes both, so that it conflicts with removing either.

use super::{PortForwardingId, Standard, standard::resource};
use kernel::{FloatingIpId, PortId, RouterId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, net::Ipv4Addr, str::FromStr};
use store::{IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortForwarding {
    pub id: PortForwardingId,
    pub standard: Standard,
    pub fip: FloatingIpId,
    pub protocol: Protocol,
    pub external: PortRange,
    pub port: PortId,
    pub address: Ipv4Addr,
    /// As many as external ones, or one that all lead to.
    pub internal: PortRange,
}

/// What a floating IP that forwards ports says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwards {
    pub router: RouterId,
    /// Never empty.
    pub ids: BTreeSet<PortForwardingId>,
}

/// Protocols that have ports which back ends can translate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

/// The first and the last port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortRange(pub u16, pub u16);

impl PortRange {
    pub fn one(port: u16) -> Self {
        Self(port, port)
    }

    pub fn single(self) -> Option<u16> {
        (self.0 == self.1).then_some(self.0)
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.0 <= other.1 && other.0 <= self.1
    }

    fn more(self) -> u16 {
        self.1.saturating_sub(self.0)
    }

    /// Whether external ports can lead to these: one each, or all to one.
    pub fn fits(self, external: Self) -> bool {
        self.more() == 0 || self.more() == external.more()
    }
}

/// `80` or `80:90`
impl FromStr for PortRange {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        let port = |t: &str| t.parse::<u16>().ok().filter(|p| *p > 0).ok_or(());
        let range = Self(port(first)?, port(last)?);
        if range.0 <= range.1 { Ok(range) } else { Err(()) }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0, self.1)
    }
}

resource!(PortForwarding, "port_forwarding", PortForwardingNotFound);

impl Object for PortForwarding {
    const KIND: &'static str = "network.port_forwarding";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let range = |text: &str| text.parse::<PortRange>();
        assert_eq!(range("80"), Ok(PortRange(80, 80)));
        assert_eq!(range("80:90"), Ok(PortRange(80, 90)));
        for wrong in ["", "0", "90:80", "1:65536", "a", "1:2:3"] {
            assert_eq!(range(wrong), Err(()), "{wrong}");
        }
        for (a, b, overlap) in [((1, 5), (5, 9), true), ((1, 5), (6, 9), false), ((1, 9), (3, 4), true)] {
            let (a, b) = (PortRange(a.0, a.1), PortRange(b.0, b.1));
            assert_eq!((a.overlaps(b), b.overlaps(a)), (overlap, overlap));
        }
        for (internal, external, fits) in
            [((80, 80), (1, 9), true), ((80, 88), (1, 9), true), ((80, 81), (1, 9), false)]
        {
            assert_eq!(PortRange(internal.0, internal.1).fits(PortRange(external.0, external.1)), fits);
        }
    }
}
