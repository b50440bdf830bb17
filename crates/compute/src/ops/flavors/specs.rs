use super::{find, find_in};
use crate::{
    Compute, ComputeError,
    model::Flavor,
    policy::{SPECS_CREATE, SPECS_DELETE, SPECS_INDEX, SPECS_SHOW, SPECS_UPDATE},
};
use kernel::{Ctx, Result};
use policy::{Authorize, target};
use std::collections::BTreeMap;

type Specs = BTreeMap<String, String>;

/// All extra specs, or the one named.
pub(crate) async fn specs(c: &Compute, cx: &Ctx, id: &str, key: Option<&str>) -> Result<Specs> {
    let project = cx.credentials.project().cloned().unwrap_or_default();
    let rule = if key.is_some() { &SPECS_SHOW } else { &SPECS_INDEX };
    let _permit = cx.authorize(rule, &target! { "project_id" => project })?;
    let flavor = find(cx, &c.store.read().await?, id)?;
    let Some(key) = key else { return Ok(flavor.extra_specs.clone()) };
    let missing = || ComputeError::NoExtraSpec { flavor: id.into(), key: key.into() };
    let value = flavor.extra_specs.get(key).ok_or_else(missing)?;
    Ok([(key.to_owned(), value.clone())].into())
}

/// Adds or replaces; `one` tells which of two rules is asked.
pub(crate) async fn extend_specs(c: &Compute, cx: &Ctx, id: &str, specs: Specs, one: bool) -> Result<()> {
    let _permit = cx.authorize(if one { &SPECS_UPDATE } else { &SPECS_CREATE }, &())?;
    let id = id.to_owned();
    let extended = c.store.transact("compute.flavor.specs", move |tx| {
        let mut new = Flavor::clone(&*find_in(tx, &id)?);
        new.extra_specs.extend(specs.clone());
        tx.put(new);
        Ok(())
    });
    extended.await
}

pub(crate) async fn remove_spec(c: &Compute, cx: &Ctx, id: &str, key: String) -> Result<()> {
    let _permit = cx.authorize(&SPECS_DELETE, &())?;
    let id = id.to_owned();
    let removed = c.store.transact("compute.flavor.specs", move |tx| {
        let mut new = Flavor::clone(&*find_in(tx, &id)?);
        let missing = || ComputeError::NoExtraSpec { flavor: id.clone(), key: key.clone() };
        new.extra_specs.remove(&key).ok_or_else(missing)?;
        tx.put(new);
        Ok(())
    });
    removed.await
}
