//! QoS policies: how much of the network something may have. A policy is a list of rules; ports, networks, floating IPs and
//! routers' gateways refer to it, and a change of its rules changes them all.
//!
//! Which policy holds: a thing's own, else that of its network (for a guest's port the network it is on, for a floating IP or a
//! gateway the external one). Ports of the service itself are never limited. A server's flavor may limit its interfaces, too.

use super::{Network, Port, QosPolicyId, QosRuleId, Resource, Standard, standard::resource};
use crate::{
    driver::{LQos, LRate},
    error::NetError,
};
use ::ports::network::NicRate;
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object, Snapshot};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QosPolicy {
    pub id: QosPolicyId,
    pub standard: Standard,
    pub name: String,
    /// Its project's networks get it if nothing else is asked; at most one of a project.
    pub is_default: bool,
    pub rules: Vec<QosRule>,
    /// Raised by whoever comes to refer to the policy, so that it cannot be removed under them.
    pub serial: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QosRule {
    pub id: QosRuleId,
    #[serde(flatten)]
    pub limit: Limit,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Limit {
    BandwidthLimit { max_kbps: u32, max_burst_kbps: u32, direction: Way },
    PacketRateLimit { max_kpps: u32, max_burst_kpps: u32, direction: Way },
    DscpMarking { dscp_mark: u8 },
    MinimumBandwidth { min_kbps: u32, direction: Way },
    MinimumPacketRate { min_kpps: u32, direction: Way },
}

/// Seen from the guest. `any` is for minimum packet rates alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    Egress,
    Ingress,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleType {
    BandwidthLimit,
    DscpMarking,
    MinimumBandwidth,
    MinimumPacketRate,
    PacketRateLimit,
}

impl RuleType {
    pub const EVERY: [Self; 5] = [
        Self::BandwidthLimit,
        Self::DscpMarking,
        Self::MinimumBandwidth,
        Self::MinimumPacketRate,
        Self::PacketRateLimit,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::BandwidthLimit => "bandwidth_limit",
            Self::DscpMarking => "dscp_marking",
            Self::MinimumBandwidth => "minimum_bandwidth",
            Self::MinimumPacketRate => "minimum_packet_rate",
            Self::PacketRateLimit => "packet_rate_limit",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|t| t.as_str() == text)
    }
}

impl Limit {
    pub fn rule_type(&self) -> RuleType {
        match self {
            Self::BandwidthLimit { .. } => RuleType::BandwidthLimit,
            Self::PacketRateLimit { .. } => RuleType::PacketRateLimit,
            Self::DscpMarking { .. } => RuleType::DscpMarking,
            Self::MinimumBandwidth { .. } => RuleType::MinimumBandwidth,
            Self::MinimumPacketRate { .. } => RuleType::MinimumPacketRate,
        }
    }

    fn direction(&self) -> Option<Way> {
        match self {
            Self::DscpMarking { .. } => None,
            Self::BandwidthLimit { direction, .. }
            | Self::PacketRateLimit { direction, .. }
            | Self::MinimumBandwidth { direction, .. }
            | Self::MinimumPacketRate { direction, .. } => Some(*direction),
        }
    }
}

resource!(QosPolicy, "policy", QosPolicyNotFound);

impl QosPolicy {
    pub const BY_RULE: Index<QosPolicy> = Index::new(1);
    /// Where the one default policy of a project is claimed.
    pub const DEFAULTS: &'static str = "network.qos_default";

    /// Whether a rule may be in the policy beside the others: none twice, no minimum above a maximum, and minimum packet rates
    /// either for one direction each or for both together.
    pub fn admits(&self, rule: &QosRule) -> Result<(), NetError> {
        for other in self.rules.iter().filter(|r| r.id != rule.id) {
            let conflict = |value: String, existing: String| {
                let existing_rule = other.limit.rule_type().as_str();
                Err(NetError::QoSRuleParameterConflict { value, policy: self.id.to_string(), existing_rule, existing })
            };
            let same_way = rule.limit.direction() == other.limit.direction();
            match (&rule.limit, &other.limit) {
                (Limit::BandwidthLimit { max_kbps, .. }, Limit::MinimumBandwidth { min_kbps, .. })
                    if same_way && min_kbps > max_kbps =>
                {
                    return conflict(max_kbps.to_string(), min_kbps.to_string());
                }
                (Limit::MinimumBandwidth { min_kbps, .. }, Limit::BandwidthLimit { max_kbps, .. })
                    if same_way && min_kbps > max_kbps =>
                {
                    return conflict(min_kbps.to_string(), max_kbps.to_string());
                }
                (Limit::MinimumPacketRate { direction: new, .. }, Limit::MinimumPacketRate { direction: old, .. })
                    if (*new == Way::Any) != (*old == Way::Any) =>
                {
                    return conflict(new.to_string(), old.to_string());
                }
                (new, old) if new.rule_type() == old.rule_type() && same_way => {
                    let (new_type, rule, policy) =
                        (new.rule_type().as_str(), other.id.to_string(), self.id.to_string());
                    return Err(NetError::QoSRulesConflict { new_type, rule, policy });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What a back end is to enforce.
    pub fn limits(&self) -> LQos {
        let mut qos = LQos::default();
        for rule in &self.rules {
            match &rule.limit {
                Limit::BandwidthLimit { max_kbps, max_burst_kbps, direction } if *max_kbps > 0 => {
                    let rate = Some(LRate { kbps: *max_kbps, burst_kbits: *max_burst_kbps });
                    match direction {
                        Way::Ingress => qos.ingress = rate,
                        Way::Egress | Way::Any => qos.egress = rate,
                    }
                }
                Limit::DscpMarking { dscp_mark } => qos.dscp = Some(*dscp_mark),
                Limit::MinimumBandwidth { min_kbps, direction: Way::Egress } => qos.guaranteed_kbps = Some(*min_kbps),
                _ => {}
            }
        }
        qos
    }
}

/// The limits of a thing with this policy of its own, on this network.
pub fn effective(snapshot: &Snapshot, own: Option<&QosPolicyId>, network: &str) -> LQos {
    let of_network = || snapshot.get::<Network>(network).and_then(|n| n.qos.clone());
    let policy = own.cloned().or_else(of_network).and_then(|id| snapshot.get::<QosPolicy>(&id));
    policy.map(|p| p.limits()).unwrap_or_default()
}

/// What a port is held to: its policy and its server's flavor, the stricter of both in each direction.
pub fn of_port(snapshot: &Snapshot, port: &Port) -> LQos {
    let by_policy = effective(snapshot, port.qos.as_ref(), &port.network);
    LQos {
        egress: stricter(by_policy.egress, port.limits.egress),
        ingress: stricter(by_policy.ingress, port.limits.ingress),
        ..by_policy
    }
}

fn stricter(policy: Option<LRate>, flavor: Option<NicRate>) -> Option<LRate> {
    let flavor = flavor.map(|rate| LRate { kbps: rate.kbps, burst_kbits: rate.burst_kbits });
    policy.into_iter().chain(flavor).min_by_key(|rate| rate.kbps)
}

/// The policy that a port has from its network.
pub fn from_network(snapshot: &Snapshot, port: &Port) -> Option<QosPolicyId> {
    snapshot.get::<Network>(&port.network)?.qos.clone()
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
            Self::Any => "any",
        })
    }
}

impl Object for QosPolicy {
    const KIND: &'static str = "network.qos_policy";
    const INDEXES: &'static [&'static str] = &["project", "rule"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as Resource>::BY_PROJECT, &*self.standard.project);
        for rule in &self.rules {
            sink.add(Self::BY_RULE, &*rule.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(limit: Limit) -> QosRule {
        QosRule { id: QosRuleId::new(), limit }
    }
    fn most(max_kbps: u32, direction: Way) -> Limit {
        Limit::BandwidthLimit { max_kbps, max_burst_kbps: 0, direction }
    }
    fn least(min_kbps: u32, direction: Way) -> Limit {
        Limit::MinimumBandwidth { min_kbps, direction }
    }
    fn packets(direction: Way) -> Limit {
        Limit::MinimumPacketRate { min_kpps: 1, direction }
    }
    fn policy(limits: Vec<Limit>) -> QosPolicy {
        QosPolicy {
            id: "p".into(),
            standard: Standard::default(),
            name: String::new(),
            is_default: false,
            rules: limits.into_iter().map(rule).collect(),
            serial: 0,
        }
    }

    #[test]
    fn which_rules_go_together() {
        let check = |there: Vec<Limit>, new: Limit, refusal: Option<&str>| {
            let answer = policy(there.clone()).admits(&rule(new.clone()));
            assert_eq!(answer.err().map(|e| e.code()), refusal, "{there:?} {new:?}");
        };
        let (same, value) = (Some("QoSRulesConflict"), Some("QoSRuleParameterConflict"));
        check(vec![], most(1, Way::Egress), None);
        check(vec![most(1, Way::Egress)], most(2, Way::Egress), same);
        check(vec![most(1, Way::Egress)], most(2, Way::Ingress), None);
        check(vec![Limit::DscpMarking { dscp_mark: 8 }], Limit::DscpMarking { dscp_mark: 10 }, same);
        check(vec![most(10, Way::Egress)], least(11, Way::Egress), value);
        check(vec![most(10, Way::Egress)], least(11, Way::Ingress), None);
        check(vec![most(10, Way::Egress)], least(10, Way::Egress), None);
        check(vec![least(11, Way::Ingress)], most(10, Way::Ingress), value);
        check(vec![packets(Way::Any)], packets(Way::Egress), value);
        check(vec![packets(Way::Ingress)], packets(Way::Any), value);
        check(vec![packets(Way::Ingress)], packets(Way::Egress), None);
        check(vec![packets(Way::Any)], packets(Way::Any), same);
        // A rule does not stand in its own way.
        let one = policy(vec![most(1, Way::Egress)]);
        let changed = QosRule { limit: most(5, Way::Egress), ..one.rules[0].clone() };
        assert_eq!(one.admits(&changed), Ok(()));
    }

    #[test]
    fn the_stricter_of_two_limits_holds() {
        let check = |policy: Option<(u32, u32)>, flavor: Option<(u32, u32)>, expect: Option<(u32, u32)>| {
            let rate = |of: Option<(u32, u32)>| of.map(|(kbps, burst_kbits)| LRate { kbps, burst_kbits });
            let flavor = flavor.map(|(kbps, burst_kbits)| NicRate { kbps, burst_kbits });
            assert_eq!(stricter(rate(policy), flavor), rate(expect), "{policy:?} {flavor:?}");
        };
        check(None, None, None);
        check(Some((5, 1)), None, Some((5, 1)));
        check(None, Some((5, 1)), Some((5, 1)));
        check(Some((5, 1)), Some((4, 9)), Some((4, 9)));
        check(Some((3, 1)), Some((4, 9)), Some((3, 1)));
    }

    #[test]
    fn what_is_to_be_enforced() {
        let rate = |kbps| Some(LRate { kbps, burst_kbits: 0 });
        let all = policy(vec![
            most(10, Way::Egress),
            most(20, Way::Ingress),
            Limit::DscpMarking { dscp_mark: 46 },
            least(5, Way::Egress),
            least(6, Way::Ingress),
            packets(Way::Any),
        ]);
        let expect = LQos { egress: rate(10), ingress: rate(20), dscp: Some(46), guaranteed_kbps: Some(5) };
        assert_eq!(all.limits(), expect);
        assert!(policy(vec![most(0, Way::Egress)]).limits().is_empty(), "nothing cannot be a limit");
    }
}
