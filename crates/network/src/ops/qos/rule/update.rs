use super::{In, RuleAsked, absent, authorize, policy_of, still_enforceable};
use crate::{
    Network as Service,
    model::{QosPolicy, QosRule, qos::RuleType},
    ops::common::{expected, save},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

/// Changes a rule; answers with the policy and the rule as it is now.
pub async fn update(
    net: &Service,
    cx: &Ctx,
    place: In<'_>,
    of: RuleType,
    rule: &str,
    changes: RuleAsked,
) -> Result<(Arc<QosPolicy>, QosRule)> {
    let snapshot = net.store().snapshot();
    let _permit = authorize(cx, &snapshot, place, of, rule, 1)?;
    let id = policy_of(&snapshot, place, of, rule)?.id.clone();
    let (now, rule, enforced) = (net.env().now, rule.to_owned(), net.backend().enforces());
    net.store()
        .transact("network.qos_rule.update", move |tx| {
            let old = expected::<QosPolicy>(tx, &id, None)?;
            let mut new = QosPolicy::clone(&old);
            let mut there = new.rules.iter_mut().filter(|r| *r.id == *rule);
            let changed = there.next().ok_or_else(|| absent(&id, &rule))?;
            changed.limit = changes.over(changed.limit.clone());
            let changed = changed.clone();
            old.admits(&changed)?;
            still_enforceable(tx, &old, &changed, enforced)?;
            Ok((save(tx, &old, new, now), changed))
        })
        .await
}
