//! Whether new security groups are stateful that do not say.

use crate::{
    Network as Service,
    error::NetError,
    model::{DefaultStatefulness, Standard, StatefulnessId},
    ops::{
        access::Set,
        common::{Asked, Env, Expect, Guard, Of, create_all, delete_one, take, update_one},
    },
    policy::security_group as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewStatefulness {
    pub stateful: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct StatefulnessChanges {
    pub stateful: Option<bool>,
}

pub async fn create(
    net: &Service,
    cx: &Ctx,
    asked: Vec<Asked<NewStatefulness>>,
) -> Result<Vec<Arc<DefaultStatefulness>>> {
    let guard = Guard { table: rules::ALL, rule: &rules::STATEFULNESS_CREATE };
    create_all(net, cx, guard, "network.default_statefulness.create", asked, insert).await
}

fn insert(tx: &mut Tx, env: &Env, one: &Asked<NewStatefulness>) -> Result<Arc<DefaultStatefulness>> {
    let id = StatefulnessId::new();
    if tx.claim_unique(DefaultStatefulness::SPACE, &one.project, &id).is_err() {
        let project = if one.project.is_empty() { "system-wide".to_owned() } else { one.project.to_string() };
        return Err(NetError::SecurityGroupDefaultStatefulnessAlreadyExists { project }.into());
    }
    let standard = Standard::new(&one.project, "", env.now);
    Ok(tx.put(DefaultStatefulness { id, standard, stateful: one.body.stateful }))
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: StatefulnessChanges,
    expect: Expect,
) -> Result<Arc<DefaultStatefulness>> {
    let of = Of { id, rule: &rules::STATEFULNESS_UPDATE, label: "network.default_statefulness.update", expect };
    update_one::<DefaultStatefulness>(net, cx, of, set, move |_, _, setting| {
        take(&mut setting.stateful, &changes.stateful);
        Ok(())
    })
    .await
}

pub async fn delete(net: &Service, cx: &Ctx, id: &str, expect: Expect) -> Result<()> {
    let of = Of { id, rule: &rules::STATEFULNESS_DELETE, label: "network.default_statefulness.delete", expect };
    delete_one::<DefaultStatefulness>(net, cx, of, |tx, _, setting| {
        tx.release_unique(DefaultStatefulness::SPACE, &setting.standard.project, &setting.id);
        Ok(())
    })
    .await
}
