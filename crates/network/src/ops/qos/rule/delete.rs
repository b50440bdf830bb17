use super::{In, absent, authorize, policy_of};
use crate::{
    Network as Service,
    model::{QosPolicy, qos::RuleType},
    ops::common::expected,
};
use kernel::{Ctx, Result};

pub async fn delete(net: &Service, cx: &Ctx, place: In<'_>, of: RuleType, rule: &str) -> Result<()> {
    let snapshot = net.store().snapshot();
    let _permit = authorize(cx, &snapshot, place, of, rule, 2)?;
    let id = policy_of(&snapshot, place, of, rule)?.id.clone();
    let (now, rule) = (net.env().now, rule.to_owned());
    net.store()
        .transact("network.qos_rule.delete", move |tx| {
            let mut policy = QosPolicy::clone(&*expected::<QosPolicy>(tx, &id, None)?);
            let at = policy.rules.iter().position(|r| *r.id == *rule).ok_or_else(|| absent(&id, &rule))?;
            policy.rules.remove(at);
            policy.standard.touch(now);
            tx.put(policy);
            Ok(())
        })
        .await
}
