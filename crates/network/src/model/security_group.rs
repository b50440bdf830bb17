//! Security groups: what may reach ports and what they may reach. A rule only allows; what no rule allows is dropped.

use super::{
    AddressGroupId, DefaultRuleId, Resource, SecurityGroupRuleId, Standard, StatefulnessId, standard::resource,
};
use crate::{driver::Direction, error::NetError};
use ipnet::IpNet;
use kernel::SecurityGroupId;
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object, Unique};

mod protocol;
pub use protocol::{Protocol, number_of, parse_protocol};

/// The name of each project's own group.
pub const DEFAULT: &str = "default";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    pub id: SecurityGroupId,
    pub standard: Standard,
    pub name: String,
    pub stateful: bool,
    /// A deletion has begun: no port and no rule may refer to it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
}

resource!(SecurityGroup, "security_group", SecurityGroupNotFound);

impl SecurityGroup {
    /// Where the id of a project's `default` group is claimed: space and value.
    pub fn default_claim(project: &str) -> (&'static str, &str) {
        ("network.default_group", project)
    }

    /// The key of that claim, for looking it up in a snapshot.
    pub fn default_claim_key(project: &str) -> String {
        let (space, value) = Self::default_claim(project);
        Unique::id(space, value)
    }
}

impl Object for SecurityGroup {
    const KIND: &'static str = "network.security_group";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as Resource>::BY_PROJECT, &*self.standard.project);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EtherType {
    #[serde(rename = "IPv4")]
    V4,
    #[serde(rename = "IPv6")]
    V6,
}

impl EtherType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        }
    }
}

/// What a rule matches; the part that rules of groups and default rules share.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Match {
    pub direction: Direction,
    pub ethertype: EtherType,
    /// A name or a number, as it was given.
    pub protocol: Option<String>,
    /// Ports, or ICMP type and code.
    pub min: Option<u16>,
    pub max: Option<u16>,
    pub remote: RemoteSpec,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoteSpec {
    Any,
    /// Host bits are kept as they were given; they mean nothing.
    Prefix(IpNet),
    /// A group's id; in a default rule `PARENT`, the group the rule is put into.
    Group(String),
    AddressGroup(AddressGroupId),
}

/// In a default rule: the group that the rule ends up in.
pub const PARENT: &str = "PARENT";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupRule {
    pub id: SecurityGroupRuleId,
    pub standard: Standard,
    pub group: SecurityGroupId,
    pub matches: Match,
}

resource!(SecurityGroupRule, "security_group_rule", SecurityGroupRuleNotFound);

impl SecurityGroupRule {
    pub const BY_GROUP: Index<SecurityGroupRule> = Index::new(1);
    /// Rules that refer to a group.
    pub const BY_REMOTE: Index<SecurityGroupRule> = Index::new(2);
    /// Rules that refer to an address group.
    pub const BY_ADDRESS_GROUP: Index<SecurityGroupRule> = Index::new(3);
}

impl Object for SecurityGroupRule {
    const KIND: &'static str = "network.security_group_rule";
    const INDEXES: &'static [&'static str] = &["project", "group", "remote", "address_group"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as Resource>::BY_PROJECT, &*self.standard.project);
        sink.add(Self::BY_GROUP, &*self.group);
        match &self.matches.remote {
            RemoteSpec::Group(remote) => sink.add(Self::BY_REMOTE, remote),
            RemoteSpec::AddressGroup(remote) => sink.add(Self::BY_ADDRESS_GROUP, &**remote),
            RemoteSpec::Any | RemoteSpec::Prefix(_) => {}
        }
    }
}

/// Whether the groups of a project are stateful that do not say; of no project: those of all that have none of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultStatefulness {
    pub id: StatefulnessId,
    pub standard: Standard,
    pub stateful: bool,
}

resource!(DefaultStatefulness, "security_groups_default_statefulness", SecurityGroupDefaultStatefulnessNotFound);
super::standard::stored!(DefaultStatefulness, "network.default_statefulness");

impl DefaultStatefulness {
    /// Where a project's setting is claimed: there is one at most.
    pub const SPACE: &'static str = "network.default_statefulness";

    /// What holds for a project.
    pub fn of(view: &store::Snapshot, project: &str) -> bool {
        let of = |project: &str| view.by(Self::BY_PROJECT, project).next().map(|s| s.stateful);
        of(project).or_else(|| of("")).unwrap_or(true)
    }
}

/// A rule that new groups begin with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRule {
    pub id: DefaultRuleId,
    pub standard: Standard,
    pub matches: Match,
    pub in_default: bool,
    pub in_others: bool,
}

resource!(DefaultRule, "default_security_group_rule", DefaultSecurityGroupRuleNotFound);

impl Object for DefaultRule {
    const KIND: &'static str = "network.default_rule";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as Resource>::BY_PROJECT, &*self.standard.project);
    }
}

impl Match {
    /// All traffic of a family in one direction.
    pub fn all(direction: Direction, ethertype: EtherType, remote: RemoteSpec) -> Self {
        Self { direction, ethertype, protocol: None, min: None, max: None, remote }
    }

    /// Puts a rule into its canonical form and refuses what makes no sense, as Neutron does.
    pub fn checked(mut self) -> Result<Self, NetError> {
        let v6 = self.ethertype == EtherType::V6;
        match self.protocol.as_deref() {
            // Names and numbers of ICMP for IPv4 mean that of IPv6 in a rule for IPv6.
            Some("icmp" | "icmpv6") if v6 => self.protocol = Some("ipv6-icmp".into()),
            Some("1") if v6 => self.protocol = Some("58".into()),
            _ => {}
        }
        if (self.min, self.max) == (Some(1), Some(65535)) {
            (self.min, self.max) = (None, None);
        }
        self.check_range()?;
        if let RemoteSpec::Prefix(net) = &self.remote
            && matches!(net, IpNet::V6(_)) != v6
        {
            let (ethertype, cidr) = (self.ethertype.as_str(), net.to_string());
            return Err(NetError::SecurityGroupRuleParameterConflict { ethertype, cidr });
        }
        if let Some(protocol) = &self.protocol
            && !v6
            && protocol::only_v6(protocol)
        {
            let (ethertype, protocol) = (self.ethertype.as_str(), protocol.clone());
            return Err(NetError::SecurityGroupEthertypeConflictWithProtocol { ethertype, protocol });
        }
        Ok(self)
    }

    fn check_range(&self) -> Result<(), NetError> {
        if (self.min, self.max) == (None, None) {
            return Ok(());
        }
        let Some(protocol) = &self.protocol else { return Err(NetError::SecurityGroupProtocolRequiredWithPorts) };
        match protocol::kind_of(protocol) {
            Protocol::Ports => match (self.min, self.max) {
                (Some(0), _) | (_, Some(0)) => Err(NetError::SecurityGroupInvalidPortValue { port: "0".into() }),
                (Some(min), Some(max)) if min <= max => Ok(()),
                _ => Err(NetError::SecurityGroupInvalidPortRange),
            },
            Protocol::Icmp => {
                for (attr, field, value) in [("port_range_min", "type", self.min), ("port_range_max", "code", self.max)]
                {
                    if let Some(value) = value.filter(|v| *v > 255) {
                        return Err(NetError::SecurityGroupInvalidIcmpValue { field, attr, value });
                    }
                }
                match (self.min, self.max) {
                    (None, Some(value)) => Err(NetError::SecurityGroupMissingIcmpType { value }),
                    _ => Ok(()),
                }
            }
            Protocol::Other => Err(NetError::SecurityGroupInvalidProtocolForPort { protocol: protocol.clone() }),
        }
    }

    /// Equal for rules that match the same, whatever they are called: `tcp` and `6`, no prefix and `0.0.0.0/0`.
    pub fn same_as(&self, other: &Self) -> bool {
        let protocol = |m: &Self| m.protocol.as_deref().map(|p| number_of(p).map_or(p.to_owned(), |n| n.to_string()));
        let remote = |m: &Self| match &m.remote {
            RemoteSpec::Prefix(net) if net.prefix_len() == 0 => RemoteSpec::Any,
            other => other.clone(),
        };
        (self.direction, self.ethertype, self.min, self.max) == (other.direction, other.ethertype, other.min, other.max)
            && protocol(self) == protocol(other)
            && remote(self) == remote(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(v6: bool, protocol: Option<&str>, min: Option<u16>, max: Option<u16>) -> Match {
        Match {
            direction: Direction::Ingress,
            ethertype: if v6 { EtherType::V6 } else { EtherType::V4 },
            protocol: protocol.map(Into::into),
            min,
            max,
            remote: RemoteSpec::Any,
        }
    }

    #[test]
    fn ranges_and_protocols() {
        for (given, expect) in [
            (rule(false, Some("tcp"), Some(22), Some(22)), "ok"),
            (rule(false, Some("6"), Some(22), Some(23)), "ok"),
            (rule(false, Some("tcp"), Some(23), Some(22)), "SecurityGroupInvalidPortRange"),
            (rule(false, Some("tcp"), Some(22), None), "SecurityGroupInvalidPortRange"),
            (rule(false, Some("udp"), Some(0), Some(22)), "SecurityGroupInvalidPortValue"),
            (rule(false, None, Some(22), Some(22)), "SecurityGroupProtocolRequiredWithPorts"),
            (rule(false, Some("icmp"), Some(8), Some(0)), "ok"),
            (rule(false, Some("icmp"), Some(8), None), "ok"),
            (rule(false, Some("icmp"), None, Some(0)), "SecurityGroupMissingIcmpType"),
            (rule(false, Some("icmp"), Some(256), None), "SecurityGroupInvalidIcmpValue"),
            (rule(false, Some("gre"), Some(1), Some(2)), "SecurityGroupInvalidProtocolForPort"),
            (rule(false, Some("111"), None, None), "ok"),
            (rule(false, Some("ipv6-icmp"), None, None), "SecurityGroupEthertypeConflictWithProtocol"),
            (rule(true, Some("ipv6-icmp"), Some(128), None), "ok"),
        ] {
            let got = given.clone().checked();
            assert_eq!(got.map_or_else(|e| e.code(), |_| "ok"), expect, "{given:?}");
        }
        let prefix = Match { remote: RemoteSpec::Prefix("fd00::/8".parse().unwrap()), ..rule(false, None, None, None) };
        assert_eq!(prefix.checked().unwrap_err().code(), "SecurityGroupRuleParameterConflict");
    }

    #[test]
    fn canonical_forms() {
        let protocol = |m: Match| m.checked().unwrap().protocol.unwrap();
        assert_eq!(protocol(rule(true, Some("icmp"), None, None)), "ipv6-icmp");
        assert_eq!(protocol(rule(true, Some("icmpv6"), None, None)), "ipv6-icmp");
        assert_eq!(protocol(rule(true, Some("1"), None, None)), "58");
        let all = rule(false, Some("tcp"), Some(1), Some(65535)).checked().unwrap();
        assert_eq!((all.min, all.max), (None, None));
    }

    #[test]
    fn duplicates_are_found_under_any_name() {
        let tcp = rule(false, Some("tcp"), Some(22), Some(22));
        assert!(tcp.same_as(&rule(false, Some("6"), Some(22), Some(22))));
        assert!(!tcp.same_as(&rule(false, Some("17"), Some(22), Some(22))));
        let any = Match { remote: RemoteSpec::Prefix("0.0.0.0/0".parse().unwrap()), ..tcp.clone() };
        assert!(tcp.same_as(&any));
        let some = Match { remote: RemoteSpec::Prefix("10.0.0.0/8".parse().unwrap()), ..tcp.clone() };
        assert!(!tcp.same_as(&some));
        assert!(!tcp.same_as(&Match { direction: Direction::Egress, ..tcp.clone() }));
    }
}
