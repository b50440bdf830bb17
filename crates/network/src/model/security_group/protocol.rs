//! IP protocols by name and number (IANA, protocol numbers), as security group rules may call them.

use crate::error::NetError;

const NAMES: &[(&str, u8)] = &[
    ("ip", 0),
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ipip", 4),
    ("tcp", 6),
    ("egp", 8),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6-encap", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("ospf", 89),
    ("pgm", 113),
    ("vrrp", 112),
    ("sctp", 132),
    ("udplite", 136),
];

/// What a rule's two numbers mean with this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// First and last port.
    Ports,
    /// Type and code.
    Icmp,
    /// Nothing: there may be none.
    Other,
}

/// The protocol's number; `None` for a name nobody knows.
pub fn number_of(protocol: &str) -> Option<u8> {
    protocol.parse().ok().or_else(|| NAMES.iter().find(|(name, _)| *name == protocol).map(|(_, number)| *number))
}

/// A protocol as a request may give it: a name, a number, or `any`.
pub fn parse_protocol(text: &str) -> Result<Option<String>, NetError> {
    let lower = text.to_ascii_lowercase();
    if lower == "any" {
        return Ok(None);
    }
    if let Ok(number) = lower.parse::<u8>() {
        return Ok(Some(number.to_string()));
    }
    match number_of(&lower) {
        Some(_) => Ok(Some(lower)),
        None => Err(NetError::SecurityGroupRuleInvalidProtocol { protocol: text.to_owned() }),
    }
}

pub fn kind_of(protocol: &str) -> Protocol {
    match number_of(protocol) {
        Some(6 | 17 | 33 | 132 | 136) => Protocol::Ports,
        Some(1 | 58) => Protocol::Icmp,
        _ => Protocol::Other,
    }
}

/// Makes no sense in a rule for IPv4.
pub fn only_v6(protocol: &str) -> bool {
    matches!(number_of(protocol), Some(41 | 43 | 44 | 58 | 59 | 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_any() {
        for (text, expect) in [
            ("TCP", Ok(Some("tcp"))),
            ("6", Ok(Some("6"))),
            ("006", Ok(Some("6"))),
            ("255", Ok(Some("255"))),
            ("any", Ok(None)),
            ("0", Ok(Some("0"))),
            ("-1", Err(())),
            ("", Err(())),
            ("256", Err(())),
            ("bad_protocol_name", Err(())),
        ] {
            let got = parse_protocol(text);
            assert_eq!(got.as_ref().map(Option::as_deref).map_err(|_| ()), expect, "{text}");
        }
        assert_eq!((number_of("udp"), number_of("99"), number_of("x")), (Some(17), Some(99), None));
    }
}
