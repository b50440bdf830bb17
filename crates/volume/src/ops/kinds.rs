//! What volume types and group types have in common: a name that is nobody else's, and specs.

use crate::{VolumeService, service::authorize_own};
use ::policy::Rule;
use kernel::{Ctx, Error, Result};
use std::{collections::BTreeMap, sync::Arc};
use store::{Object, Tx};

pub(crate) trait TypeKind: Object + Clone {
    /// Of names and in labels of transactions.
    const SPACE: &'static str;
    /// As people read it.
    const WHAT: &'static str;
    fn id(&self) -> &str;
    fn name(&self) -> &str;
    fn specs_mut(&mut self) -> &mut BTreeMap<String, String>;
    fn none(id: &str) -> Error;
}

fn check_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > 255 {
        return Err(Error::bad_request("Invalid input for field/attribute name: a name has 1 to 255 characters"));
    }
    Ok(())
}

fn claim<T: TypeKind>(tx: &mut Tx, name: &str, id: &str) -> Result<()> {
    tx.claim_unique(T::SPACE, name, id).map_err(|_| Error::conflict(format!("{} {name} already exists.", T::WHAT)))
}

pub(crate) async fn create<T: TypeKind>(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    new: T,
) -> Result<Arc<T>> {
    let permit = authorize_own(cx, rule)?;
    check_name(new.name())?;
    let insert = move |tx: &mut Tx| {
        claim::<T>(tx, new.name(), new.id())?;
        Ok(tx.put(new.clone()))
    };
    service.write(permit, T::SPACE, insert).await
}

/// Applies an edit that may refuse, under the rule for it.
pub(crate) async fn update<T: TypeKind>(
    service: &VolumeService,
    cx: &Ctx,
    rule: &'static Rule,
    id: &str,
    mut edit: impl FnMut(&mut T) -> Result<()> + Send + 'static,
) -> Result<Arc<T>> {
    let permit = authorize_own(cx, rule)?;
    let id = id.to_owned();
    let write = move |tx: &mut Tx| {
        let old = tx.get::<T>(&id).ok_or_else(|| T::none(&id))?;
        let mut new = T::clone(&old);
        edit(&mut new)?;
        check_name(new.name())?;
        if new.name() != old.name() {
            claim::<T>(tx, new.name(), &id)?;
            tx.release_unique(T::SPACE, old.name(), &id);
        }
        Ok(tx.put(new))
    };
    service.write(permit, T::SPACE, write).await
}
