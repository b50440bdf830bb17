//! Security groups, as the back end wants them.

use crate::{
    driver::{LRule, LSecurityGroup, Remote},
    model::{
        SecurityGroup, SecurityGroupRule,
        security_group::{EtherType, Match, RemoteSpec, number_of},
    },
};
use kernel::SecurityGroupId;
use store::Snapshot;

pub fn group(snapshot: &Snapshot, group: &SecurityGroup) -> LSecurityGroup {
    let rules = snapshot.by(SecurityGroupRule::BY_GROUP, &group.id);
    LSecurityGroup {
        id: group.id.clone(),
        name: group.name.clone(),
        stateful: group.stateful,
        rules: rules.map(|r| rule(&r.matches)).collect(),
    }
}

fn rule(m: &Match) -> LRule {
    LRule {
        direction: m.direction,
        v6: m.ethertype == EtherType::V6,
        // `ip` says nothing beyond the ether type.
        protocol: m.protocol.as_deref().filter(|p| *p != "ip").and_then(number_of),
        range: m.min.map(|min| (min, m.max)),
        remote: match &m.remote {
            RemoteSpec::Any => Remote::Any,
            RemoteSpec::Prefix(net) if net.prefix_len() == 0 => Remote::Any,
            RemoteSpec::Prefix(net) => Remote::Prefix(net.trunc()),
            RemoteSpec::Group(id) => Remote::Group(SecurityGroupId::from(id.as_str())),
        },
    }
}
