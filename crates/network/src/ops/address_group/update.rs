use crate::{
    Network as Service,
    model::AddressGroup,
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected, save},
    },
    policy::address_group as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AddressGroupChanges {
    pub name: Option<String>,
    pub description: Option<String>,
}

pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: AddressGroupChanges,
    expect: Expect,
) -> Result<Arc<AddressGroup>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<AddressGroup>(cx, &snapshot, &reach, id, &rules::UPDATE, set)?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.address_group.update", move |tx| {
            let old = expected::<AddressGroup>(tx, &id, expect)?;
            let mut new = AddressGroup::clone(&old);
            if let Some(name) = &changes.name {
                new.name.clone_from(name);
            }
            if let Some(description) = &changes.description {
                new.standard.description.clone_from(description);
            }
            Ok(save(tx, &old, new, now))
        })
        .await
}
