use super::{RuleAsked, on, still_enforceable};
use crate::{
    Network as Service,
    model::{QosPolicy, QosRule, QosRuleId, Resource, qos::RuleType},
    ops::{
        access::{Reach, authorize},
        common::{Asked, expected},
    },
    policy::qos::{self as rules, guards},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

/// Adds rules of a type to a policy, all or none; answers with the policy and the new rules.
pub async fn create(
    net: &Service,
    cx: &Ctx,
    policy: &str,
    of: RuleType,
    asked: Vec<Asked<RuleAsked>>,
) -> Result<(Arc<QosPolicy>, Vec<QosRule>)> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    // Mirrors Neutron, which asks policy before it looks whether the caller sees the parent: 403, not 404.
    let parent = snapshot.get::<QosPolicy>(policy).ok_or_else(|| QosPolicy::not_found(policy))?;
    for one in &asked {
        let _permit = authorize(cx, rules::ALL, guards(of).create, &one.set, &on(&snapshot, &reach, &parent))?;
    }
    let (now, id, enforced) = (net.env().now, policy.to_owned(), net.backend().enforces());
    net.store()
        .transact("network.qos_rule.create", move |tx| {
            let mut policy = QosPolicy::clone(&*expected::<QosPolicy>(tx, &id, None)?);
            let mut made = Vec::new();
            for one in &asked {
                let rule = QosRule { id: QosRuleId::new(), limit: one.body.over(one.body.limit(of)) };
                policy.admits(&rule)?;
                still_enforceable(tx, &policy, &rule, enforced)?;
                policy.rules.push(rule.clone());
                made.push(rule);
            }
            policy.standard.touch(now);
            Ok((tx.put(policy), made))
        })
        .await
}
