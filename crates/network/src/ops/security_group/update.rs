use super::is_default;
use crate::{
    Network as Service,
    error::NetError,
    model::{Port, SecurityGroup},
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected, save},
    },
    policy::security_group as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SecurityGroupChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub stateful: Option<bool>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: SecurityGroupChanges,
    expect: Expect,
) -> Result<Arc<SecurityGroup>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<SecurityGroup>(cx, &snapshot, &reach, id, &rules::UPDATE, set)?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.security_group.update", move |tx| {
            let old = expected::<SecurityGroup>(tx, &id, expect)?;
            let mut new = SecurityGroup::clone(&old);
            if let Some(name) = &changes.name {
                if is_default(tx, &old) {
                    return Err(NetError::SecurityGroupCannotUpdateDefault.into());
                }
                new.name.clone_from(name);
            }
            if let Some(description) = &changes.description {
                new.standard.description.clone_from(description);
            }
            if let Some(stateful) = changes.stateful.filter(|s| *s != old.stateful) {
                if tx.view().count_by(Port::BY_GROUP, &id) > 0 {
                    return Err(NetError::SecurityGroupInUse { id: id.clone() }.into());
                }
                new.stateful = stateful;
            }
            Ok(save(tx, &old, new, now))
        })
        .await
}
