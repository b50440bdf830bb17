use super::{add_default_rules, ensure_default};
use crate::{
    Network as Service,
    model::{DefaultStatefulness, SecurityGroup, Standard, quota},
    ops::common::{Asked, Env, Guard, create_all},
    policy::security_group as rules,
};
use kernel::{Ctx, ProjectId, Result, SecurityGroupId};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewSecurityGroup {
    pub name: String,
    pub description: String,
    pub stateful: Option<bool>,
}

pub async fn create(net: &Service, cx: &Ctx, asked: Vec<Asked<NewSecurityGroup>>) -> Result<Vec<Arc<SecurityGroup>>> {
    let guard = Guard { table: rules::ALL, rule: &rules::CREATE };
    create_all(net, cx, guard, "network.security_group.create", asked, |tx, env, one| {
        insert(tx, env, &one.project, &one.body)
    })
    .await
}

fn insert(tx: &mut Tx, env: &Env, project: &ProjectId, new: &NewSecurityGroup) -> Result<Arc<SecurityGroup>> {
    ensure_default(tx, env, project)?;
    quota::claim(tx, project, "security_group", 1)?;
    let group = SecurityGroup {
        id: SecurityGroupId::new(),
        standard: Standard::new(project, &new.description, env.now),
        name: new.name.clone(),
        stateful: new.stateful.unwrap_or_else(|| DefaultStatefulness::of(tx.view(), project)),
        deleting: false,
    };
    add_default_rules(tx, env, &group, false)?;
    Ok(tx.put(group))
}

/// Makes a project's default group if it has none yet: lists of groups are a use of the service too.
pub async fn ensure(net: &Service, project: &ProjectId) -> Result<()> {
    let key = SecurityGroup::default_claim_key(project);
    if project.is_empty() || net.store().snapshot().contains::<store::Unique>(&key) {
        return Ok(());
    }
    let (env, project) = (net.env(), project.clone());
    net.store().transact("network.security_group.ensure", move |tx| ensure_default(tx, &env, &project)).await?;
    Ok(())
}
