use crate::{
    Network as Service,
    model::{Resource, SecurityGroup, SecurityGroupRule, quota},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected, touch},
    },
    policy::security_group as rules,
};
use kernel::{Ctx, Result};

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<SecurityGroupRule>(cx, &snapshot, &reach, id, &rules::RULE_DELETE, &Set::default())?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.security_group_rule.delete", move |tx| {
            let rule = expected::<SecurityGroupRule>(tx, &id, expect)?;
            tx.delete::<SecurityGroupRule>(&id);
            touch::<SecurityGroup>(tx, &rule.group, now);
            quota::release(tx, rule.project(), "security_group_rule", 1);
            Ok(())
        })
        .await
}
