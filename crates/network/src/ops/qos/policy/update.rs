use super::set_default;
use crate::{
    Network as Service,
    model::{
        QosPolicy,
        rbac::{self, Action, ObjectType},
    },
    ops::{
        access::{Reach, Set, change},
        common::{Env, Expect, expected, save},
        rbac::{close_to_all, open_to_all},
    },
    policy::qos as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct QosPolicyChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub shared: Option<bool>,
    pub is_default: Option<bool>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: QosPolicyChanges,
    expect: Expect,
) -> Result<Arc<QosPolicy>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<QosPolicy>(cx, &snapshot, &reach, id, &rules::UPDATE, set)?;
    let (env, id) = (net.env(), id.to_owned());
    net.store().transact("network.qos_policy.update", move |tx| apply(tx, &env, &id, &changes, expect)).await
}

fn apply(tx: &mut Tx, env: &Env, id: &str, changes: &QosPolicyChanges, expect: Expect) -> Result<Arc<QosPolicy>> {
    let old = expected::<QosPolicy>(tx, id, expect)?;
    let mut new = QosPolicy::clone(&old);
    if let Some(name) = &changes.name {
        new.name.clone_from(name);
    }
    if let Some(description) = &changes.description {
        new.standard.description.clone_from(description);
    }
    set_default(tx, &mut new, changes.is_default.unwrap_or(old.is_default))?;
    let shared = rbac::wildcard(tx.view(), id, Action::Shared).is_some();
    match changes.shared {
        Some(true) if !shared => {
            open_to_all(tx, &old.standard.project, ObjectType::QosPolicy, id, Action::Shared, env.now)?;
        }
        Some(false) if shared => close_to_all(tx, id, Action::Shared)?,
        _ => return Ok(save(tx, &old, new, env.now)),
    }
    // `shared` shows in the policy though it is stored beside it.
    new.standard.touch(env.now);
    Ok(tx.put(new))
}
