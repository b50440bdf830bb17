use super::super::query;
use crate::{
    PlacementError,
    model::{Provider, STANDARD_TRAITS},
    policy::{TRAITS_LIST, TRAITS_SHOW},
};
use http::Params;
use kernel::{Ctx, Result};
use policy::Authorize;
use std::collections::BTreeSet;
use store::Snapshot;

/// The traits known, all or those of `name=startswith:…`/`name=in:…` and `associated=true|false`.
pub(crate) fn traits(cx: &Ctx, snapshot: &Snapshot, params: &Params) -> Result<BTreeSet<String>> {
    let _ = cx.authorize(&TRAITS_LIST, &())?;
    query::only(params, &[("name", 6), ("associated", 6)], cx.version)?;
    let associated: BTreeSet<String> = snapshot.all::<Provider>().flat_map(|p| p.traits.clone()).collect();
    let mut all: BTreeSet<_> = STANDARD_TRAITS.iter().map(|name| (*name).to_owned()).collect();
    all.extend(associated.iter().cloned());
    if let Some(wanted) = params.flag("associated")? {
        all.retain(|name| associated.contains(name) == wanted);
    }
    match params.get("name").map(|text| text.split_once(':')) {
        None => {}
        Some(Some(("startswith", start))) => all.retain(|name| name.starts_with(start)),
        Some(Some(("in", list))) => all.retain(|name| list.split(',').any(|n| n == name)),
        Some(_) => {
            return Err(query::bad("Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix].".into()));
        }
    }
    Ok(all)
}

pub(crate) fn known(cx: &Ctx, snapshot: &Snapshot, name: &str) -> Result<()> {
    let _ = cx.authorize(&TRAITS_SHOW, &())?;
    let known = query::known_trait(snapshot)(name);
    known.then_some(()).ok_or_else(|| PlacementError::NoTrait(name.into()).into())
}
