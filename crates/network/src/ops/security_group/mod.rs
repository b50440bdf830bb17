//! Security groups. Each project has one named `default`, made in the transaction that first needs it.

pub mod create;
pub mod delete;
pub mod update;

use crate::{
    model::{
        DefaultRule, DefaultStatefulness, SecurityGroup, SecurityGroupRule, SecurityGroupRuleId, Standard, quota,
        security_group::{DEFAULT, PARENT, RemoteSpec},
    },
    ops::{access::Reach, address_group::refer, common::Env},
};
use kernel::{ProjectId, Result, SecurityGroupId};
use store::Tx;

/// The project's default group, made now if it has none. The claim on the project's id makes it one, whoever comes first.
pub(crate) fn ensure_default(tx: &mut Tx, env: &Env, project: &ProjectId) -> Result<SecurityGroupId> {
    let (space, value) = SecurityGroup::default_claim(project);
    if project.is_empty() {
        return Ok(SecurityGroupId::default());
    }
    if let Some(id) = tx.unique_owner(space, value) {
        return Ok(id.into());
    }
    let id = SecurityGroupId::new();
    quota::claim(tx, project, "security_group", 1)?;
    let group = SecurityGroup {
        id: id.clone(),
        standard: Standard::new(project, "Default security group", env.now),
        name: DEFAULT.to_owned(),
        stateful: DefaultStatefulness::of(tx.view(), project),
        deleting: false,
    };
    // Nobody else holds it: that was read just now, in this transaction.
    let _ = tx.claim_unique(space, value, &id);
    add_default_rules(tx, env, &group, true)?;
    tx.put(group);
    Ok(id)
}

/// The rules that a new group begins with.
fn add_default_rules(tx: &mut Tx, env: &Env, group: &SecurityGroup, default: bool) -> Result<()> {
    let wanted = |r: &DefaultRule| if default { r.in_default } else { r.in_others };
    let rules: Vec<_> = tx.view().all::<DefaultRule>().filter(|r| wanted(r)).collect();
    quota::claim(tx, &group.standard.project, "security_group_rule", rules.len())?;
    for rule in rules {
        let mut matches = rule.matches.clone();
        if matches.remote == RemoteSpec::Group(PARENT.to_owned()) {
            matches.remote = RemoteSpec::Group(group.id.to_string());
        }
        if let RemoteSpec::AddressGroup(remote) = &matches.remote {
            refer(tx, &Reach::everything(), &group.standard.project, remote)?;
        }
        tx.put(SecurityGroupRule {
            id: SecurityGroupRuleId::new(),
            standard: Standard::new(&group.standard.project, "", env.now),
            group: group.id.clone(),
            matches,
        });
    }
    Ok(())
}

/// Whether it is its project's own default group.
pub(crate) fn is_default(tx: &mut Tx, group: &SecurityGroup) -> bool {
    let (space, value) = SecurityGroup::default_claim(&group.standard.project);
    tx.unique_owner(space, value).as_deref() == Some(&*group.id)
}
