//! Security groups: which rule lets a packet pass.

use super::{Plan, What};
use crate::driver::{
    Direction, LPort, LRule, LSecurityGroup, PortRole, Remote,
    protocol::{ICMP, ICMP6, TCP, UDP},
};
use ipnet::IpNet;
use std::net::IpAddr;

const ECHO: u16 = 8;
const ECHO6: u16 = 128;

/// The far end of a packet and its kind, as rules see them.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub direction: Direction,
    pub far: IpAddr,
    pub what: What,
}

/// `Ok`: what lets it pass. `Err`: that nothing does.
pub(super) fn judge(plan: &Plan, port: &LPort, seen: Seen) -> Result<String, String> {
    if port.role != PortRole::Guest {
        return Ok("a port of the service's own is not filtered".into());
    }
    if !port.port_security {
        return Ok("port security is off: nothing is filtered".into());
    }
    let groups: Vec<_> = port.groups.iter().filter_map(|id| plan.groups.get(id)).collect();
    // What is stateful lets the answers pass by itself, so it is named where both kinds would do.
    let of = |stateful: bool| groups.iter().filter(move |g| g.stateful == stateful);
    let found = of(true).chain(of(false)).find_map(|group| passing(plan, group, seen));
    let way = if seen.direction == Direction::Egress { "out" } else { "in" };
    match found {
        Some((group, rule)) => {
            let more = if group.stateful { "" } else { "; it is stateless, answers need rules of their own" };
            Ok(format!("security group {} ({}) lets it {way}: {}{more}", group.name, group.id, text(rule)))
        }
        None if groups.is_empty() => Err(format!("it has no security group, so nothing is let {way}")),
        None => {
            let names: Vec<_> = groups.iter().map(|g| g.name.as_str()).collect();
            let (what, far) = (seen.what, seen.far);
            let end = if seen.direction == Direction::Egress { "to" } else { "from" };
            Err(format!("no rule of its security groups ({}) lets {what} {end} {far} {way}", names.join(", ")))
        }
    }
}

fn passing<'a>(plan: &Plan, group: &'a LSecurityGroup, seen: Seen) -> Option<(&'a LSecurityGroup, &'a LRule)> {
    group.rules.iter().find(|rule| passes(plan, rule, seen)).map(|rule| (group, rule))
}

fn passes(plan: &Plan, rule: &LRule, seen: Seen) -> bool {
    rule.direction == seen.direction
        && rule.v6 == seen.far.is_ipv6()
        && of_protocol(rule, seen.what)
        && match &rule.remote {
            Remote::Any => true,
            Remote::Prefix(net) => net.trunc().contains(&seen.far),
            Remote::Group(id) => plan.ports.values().any(|member| {
                let counts = member.port_security && member.role == PortRole::Guest && member.groups.contains(id);
                counts && member.addresses.iter().any(|(address, _)| *address == seen.far)
            }),
        }
}

fn of_protocol(rule: &LRule, what: What) -> bool {
    let Some(protocol) = rule.protocol else { return true };
    let within = |port: u16| rule.range.is_none_or(|(low, high)| (low..=high.unwrap_or(low)).contains(&port));
    match (protocol, what) {
        (TCP, What::Tcp(port)) | (UDP, What::Udp(port)) => within(port),
        // Type and code; an echo request's code is 0.
        (ICMP | ICMP6, What::Ping) => {
            let echo = if rule.v6 { ECHO6 } else { ECHO };
            rule.range.is_none_or(|(kind, code)| kind == echo && code.is_none_or(|code| code == 0))
        }
        (number, What::Other(other)) => number == other && rule.range.is_none(),
        _ => false,
    }
}

/// A rule as people write it.
fn text(rule: &LRule) -> String {
    let family = if rule.v6 { "IPv6" } else { "IPv4" };
    let protocol = match rule.protocol {
        None => "anything".to_owned(),
        Some(TCP) => "tcp".to_owned(),
        Some(UDP) => "udp".to_owned(),
        Some(ICMP | ICMP6) => "icmp".to_owned(),
        Some(other) => format!("protocol {other}"),
    };
    let range = match rule.range {
        None => String::new(),
        Some((low, Some(high))) if high != low => format!(" {low}-{high}"),
        Some((low, _)) => format!(" {low}"),
    };
    let end = if rule.direction == Direction::Egress { "to" } else { "from" };
    let remote = match &rule.remote {
        Remote::Any => "anywhere".to_owned(),
        Remote::Prefix(net) => IpNet::trunc(net).to_string(),
        Remote::Group(id) => format!("members of group {id}"),
    };
    format!("{family} {protocol}{range} {end} {remote}")
}
