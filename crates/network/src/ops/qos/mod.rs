//! QoS: policies, the rules in them, and who refers to them.

pub mod policy;
pub mod rule;

use crate::{
    error::NetError,
    model::{
        FloatingIp, Network, Port, QosPolicy, QosPolicyId, Resource, Router,
        qos::RuleType,
        rbac::{self, Action},
    },
    ops::access::Reach,
};
use kernel::{ProjectId, Result};
use std::sync::Arc;
use store::Tx;

/// What is to have a policy, for those who cannot have every rule.
#[derive(Clone, Copy)]
pub(crate) enum Holder<'a> {
    Port(&'a str),
    Network(&'a str),
    /// Floating IPs and gateways: what cannot be enforced for them is left out, as in Neutron.
    Other,
}

/// Whether the caller may refer to a policy.
fn usable(tx: &Tx, reach: &Reach, policy: &QosPolicy) -> bool {
    let project = reach.project.as_deref();
    reach.all || reach.is(policy.project()) || rbac::grants(tx.view(), &policy.id, Action::Shared, project)
}

/// Notes that something changes the policy it refers to: both must be the caller's to use, and the new one one that can be
/// enforced. Writing the policy makes removing it at the same time conflict.
pub(crate) fn refer(
    tx: &mut Tx,
    reach: &Reach,
    old: Option<&QosPolicyId>,
    new: Option<&QosPolicyId>,
    holder: Holder<'_>,
    enforced: &[RuleType],
) -> Result<()> {
    if old == new {
        return Ok(());
    }
    if let Some(old) = old.and_then(|id| tx.get::<QosPolicy>(id))
        && !usable(tx, reach, &old)
    {
        return Err(NetError::PolicyRemoveAuthorizationError { policy: old.id.to_string() }.into());
    }
    let Some(id) = new else { return Ok(()) };
    let found = tx.get::<QosPolicy>(id).filter(|p| usable(tx, reach, p));
    let policy = found.ok_or_else(|| QosPolicy::not_found(id))?;
    for rule in &policy.rules {
        enforceable(rule.limit.rule_type(), holder, enforced)?;
    }
    raise(tx, &policy);
    Ok(())
}

fn raise(tx: &mut Tx, policy: &Arc<QosPolicy>) {
    tx.put(QosPolicy { serial: policy.serial + 1, ..QosPolicy::clone(policy) });
}

fn enforceable(rule: RuleType, holder: Holder<'_>, enforced: &[RuleType]) -> Result<()> {
    if enforced.contains(&rule) {
        return Ok(());
    }
    let rule = rule.as_str();
    match holder {
        Holder::Port(port) => Err(NetError::QosRuleNotSupported { rule, port: port.to_owned() }.into()),
        Holder::Network(network) => {
            Err(NetError::QosRuleNotSupportedByNetwork { rule, network: network.to_owned() }.into())
        }
        Holder::Other => Ok(()),
    }
}

/// The policy that a new network of the project has if none is asked for.
pub(crate) fn default_policy(tx: &mut Tx, project: &ProjectId) -> Option<QosPolicyId> {
    let id = tx.unique_owner(QosPolicy::DEFAULTS, project)?;
    let policy = tx.get::<QosPolicy>(&id)?;
    raise(tx, &policy);
    Some(policy.id.clone())
}

/// Who refers to a policy, as a refusal names them.
fn user(tx: &Tx, id: &str) -> Option<(&'static str, String)> {
    let view = tx.view();
    let network = || view.by(Network::BY_QOS, id).next().map(|o| ("network", o.id.to_string()));
    let port = || view.by(Port::BY_QOS, id).next().map(|o| ("port", o.id.to_string()));
    let fip = || view.by(FloatingIp::BY_QOS, id).next().map(|o| ("floating IP", o.id.to_string()));
    let router = || view.by(Router::BY_QOS, id).next().map(|o| ("router", o.id.to_string()));
    network().or_else(port).or_else(fip).or_else(router)
}
