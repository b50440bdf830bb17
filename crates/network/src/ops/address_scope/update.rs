use crate::{
    Network as Service,
    error::NetError,
    model::{
        AddressScope, Resource,
        rbac::{self, Action, ObjectType},
    },
    ops::{
        access::{Reach, Set, change},
        common::{Expect, expected, save},
        rbac::open_to_all,
    },
    policy::address_scope as rules,
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AddressScopeChanges {
    pub name: Option<String>,
    pub shared: Option<bool>,
}

/// A scope that is shared with all stays so: others' pools may be in it.
pub async fn update(
    net: &Service,
    cx: &Ctx,
    id: &str,
    set: &Set,
    changes: AddressScopeChanges,
    expect: Expect,
) -> Result<Arc<AddressScope>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let (_, _permit) = change::<AddressScope>(cx, &snapshot, &reach, id, &rules::UPDATE, set)?;
    let (now, id) = (net.env().now, id.to_owned());
    net.store()
        .transact("network.address_scope.update", move |tx| {
            let old = expected::<AddressScope>(tx, &id, expect)?;
            let mut new = AddressScope::clone(&old);
            if let Some(name) = &changes.name {
                new.name.clone_from(name);
            }
            match changes.shared {
                Some(true) => open_to_all(tx, old.project(), ObjectType::AddressScope, &id, Action::Shared, now)?,
                Some(false) if rbac::wildcard(tx.view(), &id, Action::Shared).is_some() => {
                    let reason = "Shared address scope can't be unshared".to_owned();
                    return Err(NetError::AddressScopeUpdateError { id: id.clone(), reason }.into());
                }
                _ => {}
            }
            Ok(save(tx, &old, new, now))
        })
        .await
}
