//! Security groups. A port is in the port group of each of its security groups, whose ACLs allow, and in the drop group,
//! whose ACLs refuse what no group allowed. OVN makes two address sets of every port group, `$<name>_ip4` and `_ip6`, which
//! serve rules that name a remote group.

use super::{group, map};
use crate::{
    ovn::{
        draft::{At, Draft},
        names::{self, DROP_GROUP},
        tables::{ACL, IDS, METER, METER_BAND, PORT_GROUP},
    },
    ovsdb::Datum,
};
use network::driver::{
    Direction, LLog, LRule, LSecurityGroup, LogicalKey, Remote,
    protocol::{ICMP, ICMP6, SCTP, TCP, UDP},
};

/// Above everything that a group allows.
const FORGED: i64 = 1003;
/// As OpenStack's own OVN driver has it, so that operators find what they know.
const ALLOW: i64 = 1002;
/// What is refused and written down: below everything that any group allows, above what refuses without a word.
const TOLD: i64 = 1001;
const DROP: i64 = 1000;
/// Lines a second of one log on one host, and how many may come at once: Neutron's `rate_limit` and `burst_limit`.
const LINES: (i64, i64) = (100, 25);

pub fn draft(group_: &LSecurityGroup) -> Draft {
    let name = names::port_group(&group_.id);
    let main = group(&group_.id);
    let mut draft = Draft::new(LogicalKey::SecurityGroup(group_.id.clone()), main);
    draft.row(main, [("name", Datum::one(name.as_str())), (IDS, map([("tstack:name", group_.name.clone())]))]);
    let action = if group_.stateful { "allow-related" } else { "allow-stateless" };
    for rule in &group_.rules {
        let Some(matches) = rule_match(rule, &name) else {
            tracing::warn!(security_group = %group_.id, ?rule, "a rule that OVN cannot express allows nothing");
            continue;
        };
        let log = group_.log.as_ref().filter(|log| log.accepted);
        let rule = Rule { priority: ALLOW, direction: rule.direction, matches: &matches, action, log };
        add(&mut draft, main, &name, rule);
    }
    if let Some(log) = &group_.log {
        limit(&mut draft, log);
    }
    if let Some(log) = group_.log.as_ref().filter(|log| log.refused) {
        for (direction, end) in [(Direction::Ingress, "outport"), (Direction::Egress, "inport")] {
            let matches = format!("{end} == @{name} && ip");
            let rule = Rule { priority: TOLD, direction, matches: &matches, action: "drop", log: Some(log) };
            add(&mut draft, main, &name, rule);
        }
    }
    draft
}

/// A group's own meter: groups of one log are limited each by itself.
fn meter(draft: &Draft, log: &LLog) -> String {
    format!("{}/{}", draft.key, log.id)
}

fn limit(draft: &mut Draft, log: &LLog) {
    let name = meter(draft, log);
    let (at, band) = (At::new(METER, &name), At::new(METER_BAND, &name));
    let (rate, burst) = LINES;
    let columns = [("action", Datum::one("drop")), ("rate", Datum::one(rate)), ("burst_size", Datum::one(burst))];
    draft.row(band, columns);
    let columns = [("name", Datum::one(name)), ("unit", Datum::one("pktps")), ("bands", Datum::one(band.uuid))];
    draft.row(at, columns);
}

struct Rule<'a> {
    priority: i64,
    direction: Direction,
    matches: &'a str,
    action: &'a str,
    log: Option<&'a LLog>,
}

fn add(draft: &mut Draft, group: At, name: &str, rule: Rule<'_>) {
    let direction = match rule.direction {
        Direction::Ingress => "to-lport",
        Direction::Egress => "from-lport",
    };
    let acl = At::new(ACL, &format!("{name}/{direction}/{}/{}", rule.action, rule.matches));
    let mut columns = vec![
        ("priority", Datum::one(rule.priority)),
        ("direction", Datum::one(direction)),
        ("match", Datum::one(rule.matches)),
        ("action", Datum::one(rule.action)),
    ];
    if let Some(log) = rule.log {
        let meter = meter(draft, log);
        columns.extend([("log", Datum::one(true)), ("name", Datum::one(log.id.as_str()))]);
        columns.extend([("severity", Datum::one("info")), ("meter", Datum::one(meter))]);
    }
    draft.row(acl, columns).under(group, "acls", acl);
}

/// The group that refuses. What a guest cannot do without passes whatever its groups say, as with OpenStack's other
/// drivers: asking for an address, and finding neighbours and routers. Posing as a server of addresses does not pass, whatever
/// groups say; posing as another guest is what port security refuses, and posing as a router `host::guard`.
pub fn drop_group() -> Draft {
    let main = At::new(PORT_GROUP, DROP_GROUP);
    let mut draft = Draft::new("base/drop", main);
    draft.row(main, [("name", Datum::one(DROP_GROUP))]);
    let (from, to) = (format!("inport == @{DROP_GROUP}"), format!("outport == @{DROP_GROUP}"));
    let rules = [
        (Direction::Egress, FORGED, format!("{from} && ip4 && udp.src == 67 && udp.dst == 68"), "drop"),
        (Direction::Egress, FORGED, format!("{from} && ip6 && udp.src == 547 && udp.dst == 546"), "drop"),
        (Direction::Egress, DROP, format!("{from} && ip"), "drop"),
        (Direction::Ingress, DROP, format!("{to} && ip"), "drop"),
        (Direction::Egress, ALLOW, format!("{from} && ip4 && udp.src == 68 && udp.dst == 67"), "allow"),
        (Direction::Egress, ALLOW, format!("{from} && ip6 && udp.src == 546 && udp.dst == 547"), "allow"),
        (Direction::Egress, ALLOW, format!("{from} && (nd || nd_rs || mldv1 || mldv2)"), "allow"),
        (Direction::Ingress, ALLOW, format!("{to} && (nd || nd_ra || mldv1 || mldv2)"), "allow"),
    ];
    for (direction, priority, matches, action) in &rules {
        let rule = Rule { priority: *priority, direction: *direction, matches, action, log: None };
        add(&mut draft, main, DROP_GROUP, rule);
    }
    draft.sealed(0)
}

/// The rule in OVN's expression language; `None` if it has no words for it (port ranges of protocols other than TCP, UDP
/// and SCTP).
fn rule_match(rule: &LRule, group: &str) -> Option<String> {
    let ip = if rule.v6 { "ip6" } else { "ip4" };
    let (port, far) = match rule.direction {
        Direction::Ingress => (format!("outport == @{group}"), format!("{ip}.src")),
        Direction::Egress => (format!("inport == @{group}"), format!("{ip}.dst")),
    };
    let mut parts = vec![port, ip.to_owned()];
    match &rule.remote {
        Remote::Any => {}
        Remote::Prefix(net) if net.prefix_len() == 0 => {}
        Remote::Prefix(net) => parts.push(format!("{far} == {}", net.trunc())),
        Remote::Group(id) => parts.push(format!("{far} == ${}_{ip}", names::port_group(id))),
    }
    parts.extend(protocol_match(rule)?);
    Some(parts.join(" && "))
}

fn protocol_match(rule: &LRule) -> Option<Vec<String>> {
    let Some(protocol) = rule.protocol else {
        return Some(vec![]);
    };
    match protocol {
        TCP => Some(ports("tcp", rule.range)),
        UDP => Some(ports("udp", rule.range)),
        SCTP => Some(ports("sctp", rule.range)),
        // Neutron takes `icmp` for an IPv6 rule to mean ICMPv6.
        ICMP | ICMP6 => Some(icmp(if rule.v6 { "icmp6" } else { "icmp4" }, rule.range)),
        other if rule.range.is_none() => Some(vec![format!("ip.proto == {other}")]),
        _ => None,
    }
}

fn ports(protocol: &str, range: Option<(u16, Option<u16>)>) -> Vec<String> {
    let mut parts = vec![protocol.to_owned()];
    match range {
        None => {}
        Some((low, high)) if high.is_none_or(|high| high == low) => parts.push(format!("{protocol}.dst == {low}")),
        Some((low, high)) => {
            parts.push(format!("{protocol}.dst >= {low}"));
            parts.push(format!("{protocol}.dst <= {}", high.unwrap_or(low)));
        }
    }
    parts
}

fn icmp(protocol: &str, range: Option<(u16, Option<u16>)>) -> Vec<String> {
    let mut parts = vec![protocol.to_owned()];
    if let Some((kind, code)) = range {
        parts.push(format!("{protocol}.type == {kind}"));
        parts.extend(code.map(|code| format!("{protocol}.code == {code}")));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::testing::text;
    use super::*;
    use std::collections::BTreeSet;

    fn rule(v6: bool, protocol: Option<u8>, range: Option<(u16, Option<u16>)>, remote: Remote) -> LRule {
        LRule { direction: Direction::Ingress, v6, protocol, range, remote }
    }

    #[test]
    fn rules_in_ovns_words() {
        let check = |rule: LRule, expect: Option<&str>| {
            let full = expect.map(|e| format!("outport == @pg && {e}"));
            assert_eq!(rule_match(&rule, "pg"), full, "{rule:?}");
        };
        let net = |text: &str| Remote::Prefix(text.parse().unwrap());
        check(rule(false, None, None, Remote::Any), Some("ip4"));
        check(rule(true, None, None, net("::/0")), Some("ip6"));
        check(rule(false, None, None, net("10.1.2.3/8")), Some("ip4 && ip4.src == 10.0.0.0/8"));
        check(rule(true, None, None, net("fd00::/64")), Some("ip6 && ip6.src == fd00::/64"));
        check(rule(false, Some(6), Some((22, Some(22))), Remote::Any), Some("ip4 && tcp && tcp.dst == 22"));
        check(
            rule(false, Some(17), Some((1, Some(9))), Remote::Any),
            Some("ip4 && udp && udp.dst >= 1 && udp.dst <= 9"),
        );
        check(rule(false, Some(6), Some((0, None)), Remote::Any), Some("ip4 && tcp && tcp.dst == 0"));
        check(
            rule(false, Some(1), Some((8, Some(0))), Remote::Any),
            Some("ip4 && icmp4 && icmp4.type == 8 && icmp4.code == 0"),
        );
        check(rule(true, Some(1), None, Remote::Any), Some("ip6 && icmp6"));
        check(rule(true, Some(58), Some((128, None)), Remote::Any), Some("ip6 && icmp6 && icmp6.type == 128"));
        check(rule(false, Some(112), None, Remote::Any), Some("ip4 && ip.proto == 112"));
        check(rule(false, Some(136), Some((1, Some(2))), Remote::Any), None);
        let remote = Remote::Group("550e8400-e29b-41d4-a716-446655440000".into());
        check(rule(false, None, None, remote), Some("ip4 && ip4.src == $pg_550e8400_e29b_41d4_a716_446655440000_ip4"));
    }

    #[test]
    fn a_group_is_a_port_group_with_an_acl_a_rule() {
        let rules = BTreeSet::from([
            rule(false, None, None, Remote::Any),
            LRule { direction: Direction::Egress, ..rule(true, None, None, Remote::Any) },
        ]);
        let check = |stateful: bool, action: &str| {
            let (id, name, rules, log) = ("g".into(), "web".into(), rules.clone(), None);
            let draft = draft(&LSecurityGroup { id, name, stateful, rules, log });
            assert_eq!((draft.rows.len(), draft.edges.len()), (3, 2));
            let acls = draft.rows.keys().filter(|at| at.table == ACL);
            let seen: BTreeSet<_> =
                acls.map(|at| (text(&draft, *at, "direction"), text(&draft, *at, "action"))).collect();
            let expect = ["from-lport", "to-lport"].map(|d| (d.to_owned(), action.to_owned()));
            assert_eq!(seen, BTreeSet::from(expect));
        };
        check(true, "allow-related");
        check(false, "allow-stateless");
    }

    #[test]
    fn the_drop_group_refuses_both_ways_below_what_groups_allow() {
        let draft = drop_group();
        let drops: Vec<_> =
            draft.rows.keys().filter(|at| at.table == ACL && text(&draft, **at, "action") == "drop").collect();
        let with =
            |priority: i64| drops.iter().filter(|at| text(&draft, ***at, "priority") == priority.to_string()).count();
        assert_eq!((drops.len(), with(DROP), with(FORGED)), (4, 2, 2));
        const { assert!(DROP < TOLD && TOLD < ALLOW && ALLOW < FORGED) };
    }

    #[test]
    fn what_is_written_down_is_marked_and_limited() {
        let check = |accepted: bool, refused: bool, told: &[&str]| {
            let log = Some(LLog { id: "l".into(), accepted, refused });
            let rules = [rule(false, None, None, Remote::Any)].into();
            let draft = draft(&LSecurityGroup { id: "g".into(), name: "web".into(), stateful: true, rules, log });
            let acls = draft.rows.keys().filter(|at| at.table == ACL && text(&draft, **at, "log") == "true");
            let mut seen: Vec<_> =
                acls.map(|at| ["action", "name", "meter"].map(|c| text(&draft, *at, c)).join(" ")).collect();
            seen.sort();
            assert_eq!(seen, told);
            let meter = draft.rows.keys().find(|at| at.table == METER).unwrap();
            assert_eq!(text(&draft, *meter, "name"), "security-group/g/l");
        };
        check(true, false, &["allow-related l security-group/g/l"]);
        check(false, true, &["drop l security-group/g/l"; 2]);
    }
}
