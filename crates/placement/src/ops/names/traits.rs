use super::{super::query, schema::TRAITS};
use crate::{
    PlacementError,
    model::{CustomTrait, Provider, is_standard_trait, standard_traits},
    policy::{TRAITS_LIST, TRAITS_SHOW},
};
use http::Params;
use kernel::{Ctx, Result};
use policy::Authorize;
use std::collections::BTreeSet;
use store::{Snapshot, Tx};

/// The traits known, all or those of `name=startswith:…`/`name=in:…` and `associated=true|false`.
pub(crate) fn traits(cx: &Ctx, snapshot: &Snapshot, params: &Params) -> Result<BTreeSet<String>> {
    let _ = cx.authorize(&TRAITS_LIST, &())?;
    query::check(&TRAITS, params)?;
    let mut all: BTreeSet<_> = standard_traits().map(str::to_owned).collect();
    all.extend(snapshot.all::<CustomTrait>().map(|custom| custom.name.clone()));
    if let Some(name) = params.get("name") {
        let Some((how, what)) = name.split_once(':') else {
            return Err(query::bad(format!(
                "Badly formatted name parameter. Expected name query string parameter in form: ?name=[in|startswith]:[name1,name2|prefix]. Got: \"{name}\""
            )));
        };
        match how {
            "in" => all.retain(|name| what.split(',').any(|n| n == name)),
            "startswith" => all.retain(|name| name.starts_with(what)),
            _ => {}
        }
    }
    let associated = params.get("associated").map(str::to_lowercase);
    match associated.as_deref() {
        None => {}
        Some(wanted @ ("true" | "false")) => {
            let used: BTreeSet<_> = snapshot.all::<Provider>().flat_map(|p| p.traits.clone()).collect();
            all.retain(|name| used.contains(name) == (wanted == "true"));
        }
        Some(_) => {
            return Err(query::bad("The query parameter \"associated\" only accepts \"true\" or \"false\""));
        }
    }
    Ok(all)
}

pub(crate) fn known(cx: &Ctx, snapshot: &Snapshot, name: &str) -> Result<()> {
    let _ = cx.authorize(&TRAITS_SHOW, &())?;
    let known = trait_exists(snapshot, name);
    known.then_some(()).ok_or_else(|| PlacementError::NoTrait(name.into()).into())
}

pub(crate) fn trait_exists(snapshot: &Snapshot, name: &str) -> bool {
    is_standard_trait(name) || snapshot.contains::<CustomTrait>(name)
}

/// All traits of a request must be known; the error names those that are not.
pub(crate) fn known_traits<'a>(
    snapshot: &Snapshot,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), PlacementError> {
    let unknown: BTreeSet<_> = names.filter(|name| !trait_exists(snapshot, name)).map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(PlacementError::NoTrait(unknown.into_iter().collect::<Vec<_>>().join(", ")))
}

/// A provider begins to have the trait; false if there is no such trait.
pub(crate) fn use_trait(tx: &mut Tx, name: &str) -> bool {
    is_standard_trait(name) || tx.update::<CustomTrait>(name, |_| ()).is_some()
}
