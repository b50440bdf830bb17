//! Security groups, as the back end wants them.

use crate::{
    driver::{LLog, LRule, LSecurityGroup, Remote},
    model::{
        AddressGroup, Log, Resource, SecurityGroup, SecurityGroupRule,
        log::LogEvent,
        security_group::{EtherType, Match, RemoteSpec, number_of},
    },
};
use ipnet::IpNet;
use kernel::SecurityGroupId;
use store::Snapshot;

pub fn group(snapshot: &Snapshot, group: &SecurityGroup) -> LSecurityGroup {
    let rules = snapshot.by(SecurityGroupRule::BY_GROUP, &group.id);
    LSecurityGroup {
        id: group.id.clone(),
        name: group.name.clone(),
        stateful: group.stateful,
        rules: rules.flat_map(|r| expanded(snapshot, &r.matches)).collect(),
        log: log(snapshot, group),
    }
}

/// Logs of the group, and of all groups of its project, are one: OVN writes a packet down once. A log of a single port is none
/// of the group's.
fn log(snapshot: &Snapshot, group: &SecurityGroup) -> Option<LLog> {
    let own = snapshot.by(Log::BY_SUBJECT, &group.id);
    let of_all = snapshot.by(Log::BY_PROJECT, group.project()).filter(|l| l.group.is_none());
    let mut logs: Vec<_> = own.chain(of_all).filter(|l| l.enabled && l.port.is_none()).collect();
    logs.sort_by(|a, b| a.id.cmp(&b.id));
    let any = |event: LogEvent| logs.iter().any(|l| l.event == event || l.event == LogEvent::All);
    let id = logs.first()?.id.clone();
    Some(LLog { id, accepted: any(LogEvent::Accept), refused: any(LogEvent::Drop) })
}

/// A rule for an address group is one for each of the group's prefixes of its family: none if there are none.
fn expanded(snapshot: &Snapshot, m: &Match) -> Vec<LRule> {
    let remote = match &m.remote {
        RemoteSpec::Any => Remote::Any,
        RemoteSpec::Prefix(net) => prefix(net),
        RemoteSpec::Group(id) => Remote::Group(SecurityGroupId::from(id.as_str())),
        RemoteSpec::AddressGroup(id) => {
            let group = snapshot.get::<AddressGroup>(id);
            let v6 = m.ethertype == EtherType::V6;
            let nets = group.iter().flat_map(|g| &g.addresses).filter(|net| net.addr().is_ipv6() == v6);
            return nets.map(|net| rule(m, prefix(net))).collect();
        }
    };
    vec![rule(m, remote)]
}

fn prefix(net: &IpNet) -> Remote {
    if net.prefix_len() == 0 { Remote::Any } else { Remote::Prefix(net.trunc()) }
}

fn rule(m: &Match, remote: Remote) -> LRule {
    LRule {
        direction: m.direction,
        v6: m.ethertype == EtherType::V6,
        // `ip` says nothing beyond the ether type.
        protocol: m.protocol.as_deref().filter(|p| *p != "ip").and_then(number_of),
        range: m.min.map(|min| (min, m.max)),
        remote,
    }
}
