//! The rules of a QoS policy. They live in it: adding one changes the policy.

pub mod create;
pub mod delete;
pub mod update;

use crate::{
    error::NetError,
    model::{
        Network, Port, QosPolicy, QosRule, Resource,
        qos::{Limit, RuleType, Way},
    },
    ops::{
        access::{On, Reach, Seen, see},
        qos::{Holder, enforceable},
    },
    policy::qos::guards,
};
use kernel::{Ctx, Result};
use policy::{Authorize, Rule};
use serde::Deserialize;
use std::sync::Arc;
use store::{Snapshot, Tx};

/// A rule's attributes as they are asked for; each type has some of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RuleAsked {
    pub max_kbps: Option<u32>,
    pub max_burst_kbps: Option<u32>,
    pub max_kpps: Option<u32>,
    pub max_burst_kpps: Option<u32>,
    pub min_kbps: Option<u32>,
    pub min_kpps: Option<u32>,
    pub dscp_mark: Option<u8>,
    pub direction: Option<Way>,
}

impl RuleAsked {
    /// A new rule of a type; what is not given is what Neutron takes.
    fn limit(&self, of: RuleType) -> Limit {
        match of {
            RuleType::BandwidthLimit => {
                Limit::BandwidthLimit { max_kbps: 0, max_burst_kbps: 0, direction: Way::Egress }
            }
            RuleType::PacketRateLimit => {
                Limit::PacketRateLimit { max_kpps: 0, max_burst_kpps: 0, direction: Way::Egress }
            }
            RuleType::DscpMarking => Limit::DscpMarking { dscp_mark: 0 },
            RuleType::MinimumBandwidth => Limit::MinimumBandwidth { min_kbps: 0, direction: Way::Egress },
            RuleType::MinimumPacketRate => Limit::MinimumPacketRate { min_kpps: 0, direction: Way::Egress },
        }
    }

    /// Lays what is given over a rule.
    fn over(&self, mut limit: Limit) -> Limit {
        let number = |to: &mut u32, from: Option<u32>| *to = from.unwrap_or(*to);
        match &mut limit {
            Limit::BandwidthLimit { max_kbps, max_burst_kbps, direction } => {
                number(max_kbps, self.max_kbps);
                number(max_burst_kbps, self.max_burst_kbps);
                *direction = self.direction.unwrap_or(*direction);
            }
            Limit::PacketRateLimit { max_kpps, max_burst_kpps, direction } => {
                number(max_kpps, self.max_kpps);
                number(max_burst_kpps, self.max_burst_kpps);
                *direction = self.direction.unwrap_or(*direction);
            }
            Limit::DscpMarking { dscp_mark } => *dscp_mark = self.dscp_mark.unwrap_or(*dscp_mark),
            Limit::MinimumBandwidth { min_kbps, direction } => {
                number(min_kbps, self.min_kbps);
                *direction = self.direction.unwrap_or(*direction);
            }
            Limit::MinimumPacketRate { min_kpps, direction } => {
                number(min_kpps, self.min_kpps);
                *direction = self.direction.unwrap_or(*direction);
            }
        }
        limit
    }
}

/// Where a rule is sought: in a policy that is named, or wherever it is.
#[derive(Clone, Copy)]
pub enum In<'a> {
    Policy(&'a str),
    Any,
}

fn absent(policy: &str, rule: &str) -> NetError {
    NetError::QosRuleNotFound { rule: rule.to_owned(), policy: policy.to_owned() }
}

/// The policy of a rule of this type, if there is such a rule there.
pub fn policy_of(snapshot: &Snapshot, place: In<'_>, of: RuleType, rule: &str) -> Result<Arc<QosPolicy>> {
    let (name, found) = match place {
        In::Policy(id) => (id, Some(snapshot.get::<QosPolicy>(id).ok_or_else(|| QosPolicy::not_found(id))?)),
        In::Any => ("", snapshot.by(QosPolicy::BY_RULE, rule).next()),
    };
    let has = |p: &Arc<QosPolicy>| p.rules.iter().any(|r| *r.id == *rule && r.limit.rule_type() == of);
    found.filter(has).ok_or_else(|| absent(name, rule).into())
}

/// What policy asks of something in a QoS policy: whose the QoS policy is.
pub fn on<'a>(snapshot: &'a Snapshot, reach: &'a Reach, policy: &'a QosPolicy) -> On<'a> {
    On { parent: Some(policy.project()), ..On::new(snapshot, reach, policy.project()) }
}

/// The rule that guards a verb (0 get, 1 update, 2 delete) on a rule of a type, by its policy or without naming it.
fn guard(place: In<'_>, of: RuleType, verb: usize) -> &'static Rule {
    let guards = guards(of);
    match (place, guards.alias) {
        (In::Any, Some(alias)) => alias[verb],
        _ => [guards.get, guards.update, guards.delete][verb],
    }
}

/// May the caller do this to a rule there: 404 for what they do not see.
fn authorize(
    cx: &Ctx,
    snapshot: &Snapshot,
    place: In<'_>,
    of: RuleType,
    rule: &str,
    verb: usize,
) -> Result<policy::Permit> {
    let reach = Reach::of(cx);
    let policy = policy_of(snapshot, place, of, rule)?;
    see::<QosPolicy>(cx, snapshot, &reach, &policy.id)?;
    cx.authorize(guard(place, of, verb), &on(snapshot, &reach, &policy))
}

/// Whether the caller may look at the rules of a type in a policy.
pub fn is_seen(cx: &Ctx, snapshot: &Snapshot, reach: &Reach, policy: &QosPolicy, place: In<'_>, of: RuleType) -> bool {
    policy.is_seen(cx, snapshot, reach) && cx.allows(guard(place, of, 0), &on(snapshot, reach, policy))
}

/// Refuses a rule that nobody enforces, if somebody has the policy already.
fn still_enforceable(tx: &Tx, policy: &QosPolicy, rule: &QosRule, enforced: &[RuleType]) -> Result<()> {
    let of = rule.limit.rule_type();
    if let Some(port) = tx.view().by(Port::BY_QOS, &policy.id).next() {
        enforceable(of, Holder::Port(&port.id), enforced)?;
    }
    if let Some(network) = tx.view().by(Network::BY_QOS, &policy.id).next() {
        enforceable(of, Holder::Network(&network.id), enforced)?;
    }
    Ok(())
}
