//! Deleting a group: in two transactions, for the reason told in [`crate::ops::network::delete`].

use super::is_default;
use crate::{
    Network as Service,
    error::NetError,
    model::{Port, Resource, SecurityGroup, SecurityGroupRule, quota},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected},
        log,
        network::forget_policies,
    },
    policy::security_group as rules,
};
use kernel::{Ctx, Result};
use store::Tx;

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<SecurityGroup>(cx, &snapshot, &reach, id, &rules::DELETE, &Set::default())?;
    let marked = id.to_owned();
    net.store()
        .transact("network.security_group.mark", move |tx| {
            let group = expected::<SecurityGroup>(tx, &marked, expect)?;
            if is_default(tx, &group) && !reach.admin {
                return Err(NetError::SecurityGroupCannotRemoveDefault.into());
            }
            ensure_unused(tx, &group)?;
            tx.put(SecurityGroup { deleting: true, ..SecurityGroup::clone(&group) });
            Ok(())
        })
        .await?;
    finish(net, id).await
}

/// Carries a marked deletion to its end, whichever that is.
pub(crate) async fn finish(net: &Service, id: &str) -> Result<()> {
    let id = id.to_owned();
    net.store().transact("network.security_group.delete", move |tx| Ok(remove(tx, &id))).await?
}

fn remove(tx: &mut Tx, id: &str) -> Result<()> {
    let Some(group) = tx.get::<SecurityGroup>(id).filter(|g| g.deleting) else { return Ok(()) };
    if let Err(refusal) = ensure_unused(tx, &group) {
        tx.put(SecurityGroup { deleting: false, ..SecurityGroup::clone(&group) });
        return Err(refusal);
    }
    // Its own rules, and others' that refer to it: a rule about nobody would say something else than it said.
    let rules = tx.by(SecurityGroupRule::BY_GROUP, id).into_iter().chain(tx.by(SecurityGroupRule::BY_REMOTE, id));
    for rule in rules.collect::<Vec<_>>() {
        if tx.delete::<SecurityGroupRule>(&rule.id) {
            quota::release(tx, rule.project(), "security_group_rule", 1);
        }
    }
    let (space, value) = SecurityGroup::default_claim(group.project());
    tx.release_unique(space, value, &group.id);
    forget_policies(tx, id);
    log::forget(tx, id);
    tx.delete::<SecurityGroup>(id);
    quota::release(tx, group.project(), "security_group", 1);
    Ok(())
}

fn ensure_unused(tx: &Tx, group: &SecurityGroup) -> Result<()> {
    if tx.view().count_by(Port::BY_GROUP, &group.id) > 0 {
        return Err(NetError::SecurityGroupInUse { id: group.id.to_string() }.into());
    }
    Ok(())
}
