use crate::{
    Network as Service,
    model::Trunk,
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected, save},
    },
    policy::trunk as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TrunkChanges {
    pub name: Option<String>,
    pub description: Option<String>,
    pub admin_state_up: Option<bool>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: TrunkChanges,
    expect: Expect,
) -> Result<Arc<Trunk>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<Trunk>(cx, &snapshot, &reach, id, &rules::UPDATE, set)?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.trunk.update", move |tx| {
            let old = expected::<Trunk>(tx, &id, expect)?;
            let mut new = Trunk::clone(&old);
            if let Some(name) = &changes.name {
                new.name.clone_from(name);
            }
            if let Some(description) = &changes.description {
                new.standard.description.clone_from(description);
            }
            new.admin_up = changes.admin_state_up.unwrap_or(new.admin_up);
            Ok(save(tx, &old, new, now))
        })
        .await
}
