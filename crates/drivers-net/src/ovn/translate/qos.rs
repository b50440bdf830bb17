//! Limits, as rows of OVN's table of QoS rules: a meter and a mark in the switch that the packets pass.
//!
//! A rate without a burst of its own gets one of [`BURST`] of what it lets pass in a second, Neutron's share: enough for TCP to reach
//! the rate, and little enough for it to hold within a second.

use super::switch;
use crate::{
    ovn::{
        draft::{At, Draft},
        tables::QOS,
    },
    ovsdb::{Atom, Datum, Row},
};
use kernel::NetworkId;
use network::driver::{LQos, LRate};

/// Thousandths of a second's worth.
const BURST: u32 = 800;

/// A limit of everything that comes and goes by a port.
pub const ALL: i64 = 2002;
/// A limit of one address among those.
pub const ONE: i64 = 2003;

/// Where packets are limited: on a switch, at a port, and which of them.
pub struct Place<'a> {
    pub network: &'a NetworkId,
    pub port: &'a str,
    pub priority: i64,
    /// The address whose packets these are, and the port whose host limits them.
    pub address: Option<(std::net::Ipv4Addr, String)>,
}

pub fn limit(draft: &mut Draft, place: &Place<'_>, qos: &LQos) {
    row(draft, place, "from-lport", qos.egress, qos.dscp);
    row(draft, place, "to-lport", qos.ingress, None);
}

fn row(draft: &mut Draft, place: &Place<'_>, direction: &'static str, rate: Option<LRate>, dscp: Option<u8>) {
    if rate.is_none() && dscp.is_none() {
        return;
    }
    let at = At::new(QOS, &format!("{}/{direction}", draft.key));
    let columns = [
        ("priority", Datum::one(place.priority)),
        ("direction", Datum::one(direction)),
        ("match", Datum::one(matches(place, direction == "from-lport"))),
        ("action", Datum::map(dscp.map(|mark| ("dscp", i64::from(mark))))),
        ("bandwidth", bandwidth(rate)),
    ];
    draft.row(at, columns).under(switch(place.network), "qos_rules", at);
}

/// What rows like [`limit`]'s hold a port to.
pub fn limits<'a>(rows: impl Iterator<Item = &'a Row>) -> LQos {
    let mut qos = LQos::default();
    for row in rows {
        let number = |column: &str, key: &str| match row.get(column) {
            Some(Datum::Map(entries)) => {
                entries.get(&key.into()).and_then(Atom::as_int).and_then(|n| u32::try_from(n).ok())
            }
            _ => None,
        };
        let rate = number("bandwidth", "rate");
        let rate = rate.map(|kbps| LRate { kbps, burst_kbits: number("bandwidth", "burst").unwrap_or_default() });
        if row.text("direction") == "from-lport" {
            qos.egress = rate;
            qos.dscp = number("action", "dscp").and_then(|mark| u8::try_from(mark).ok());
        } else {
            qos.ingress = rate;
        }
    }
    qos
}

fn matches(place: &Place<'_>, from: bool) -> String {
    let (side, end) = if from { ("inport", "src") } else { ("outport", "dst") };
    let port = format!("{side} == \"{}\"", place.port);
    match &place.address {
        None => port,
        Some((address, resident)) => {
            format!("{port} && ip4.{end} == {address} && is_chassis_resident(\"{resident}\")")
        }
    }
}

fn bandwidth(rate: Option<LRate>) -> Datum {
    let Some(rate) = rate else { return Datum::Map(Default::default()) };
    let usual = (u64::from(rate.kbps) * u64::from(BURST) / 1000).max(1);
    let burst = if rate.burst_kbits == 0 { usual } else { rate.burst_kbits.into() };
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Datum::map([("rate", number(rate.kbps.into())), ("burst", number(burst))])
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;
    use crate::ovn::tables::SWITCH_PORT;

    fn check(qos: &LQos, address: Option<(std::net::Ipv4Addr, String)>, expect: &[&str]) {
        let mut draft = Draft::new("port/p", At::new(SWITCH_PORT, "p"));
        let (network, priority) = ("n".into(), ALL);
        limit(&mut draft, &Place { network: &network, port: "p", priority, address }, qos);
        let line = |at: &At| ["direction", "match", "action", "bandwidth"].map(|c| text(&draft, *at, c)).join(" / ");
        let mut lines: Vec<_> = draft.rows.keys().map(line).collect();
        lines.sort();
        assert_eq!(lines, expect);
        assert_eq!(draft.edges.len(), expect.len());
    }

    #[test]
    fn limits_and_marks() {
        let rate = |kbps, burst_kbits| Some(LRate { kbps, burst_kbits });
        check(&LQos::default(), None, &[]);
        check(
            &LQos { egress: rate(1000, 0), dscp: Some(46), ..LQos::default() },
            None,
            &["from-lport / inport == \"p\" / dscp=46 / burst=800|rate=1000"],
        );
        check(
            &LQos { dscp: Some(8), ingress: rate(5, 70), ..LQos::default() },
            None,
            &["from-lport / inport == \"p\" / dscp=8 / ", "to-lport / outport == \"p\" /  / burst=70|rate=5"],
        );
        check(
            &LQos { ingress: rate(5, 7), ..LQos::default() },
            Some(([172, 24, 4, 9].into(), "cr-lrp-gw".into())),
            &[
                "to-lport / outport == \"p\" && ip4.dst == 172.24.4.9 && is_chassis_resident(\"cr-lrp-gw\") /  / burst=7|rate=5",
            ],
        );
    }
}
