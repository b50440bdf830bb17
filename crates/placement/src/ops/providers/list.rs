use super::{
    super::query::{self, MemberOf, Traits},
    schema::{LIST, LIST_3, LIST_4, LIST_14, LIST_18},
};
use crate::{
    model::{self, Provider, ProviderId},
    ops::names,
    policy::PROVIDERS_LIST,
};
use http::{Params, Schema, pick};
use kernel::{Ctx, Microversion, Result};
use policy::Authorize;
use std::sync::Arc;
use store::Snapshot;

const SCHEMAS: &[(Microversion, &Schema)] = &[
    (Microversion::new(1, 0), &LIST),
    (Microversion::new(1, 3), &LIST_3),
    (Microversion::new(1, 4), &LIST_4),
    (Microversion::new(1, 14), &LIST_14),
    (Microversion::new(1, 18), &LIST_18),
];

pub(crate) fn list(cx: &Ctx, snapshot: &Snapshot, params: &Params) -> Result<Vec<Arc<Provider>>> {
    let _ = cx.authorize(&PROVIDERS_LIST, &())?;
    query::check(pick(SCHEMAS, cx.version).unwrap_or(&LIST), params)?;
    let member_of = MemberOf::parse(params, "", cx.version)?;
    let traits = Traits::parse(params, "required", cx.version)?;
    let resources = params.get("resources").map(query::resources).transpose()?.unwrap_or_default();
    query::known_classes(snapshot, resources.keys())?;
    names::known_traits(snapshot, traits.names())
        .map_err(|unknown| query::bad(format!("Invalid trait(s) in \"required\" parameter: {unknown}")))?;
    let wanted = |p: &Arc<Provider>| {
        params.get("name").is_none_or(|name| p.name == name)
            && params.get("uuid").is_none_or(|id| p.id == *id)
            && p.has_room(&resources)
            && traits.allow(&p.traits)
            && member_of.allow(p)
    };
    let mut found: Vec<_> = candidates(snapshot, params).filter(wanted).collect();
    if params.has("name") && params.has("in_tree") {
        let tree = in_tree(snapshot, params.get("in_tree").unwrap_or_default());
        found.retain(|p| tree.iter().any(|t| t.id == p.id));
    }
    Ok(found)
}

/// By name or id there is at most one, in a tree there are few; else all.
fn candidates<'a>(snapshot: &'a Snapshot, params: &'a Params) -> Box<dyn Iterator<Item = Arc<Provider>> + 'a> {
    match (params.get("in_tree"), params.get("uuid"), params.get("name")) {
        (Some(tree), _, None) => Box::new(in_tree(snapshot, tree).into_iter()),
        (_, Some(id), None) => Box::new(snapshot.get(&ProviderId::from(id)).into_iter()),
        (_, _, Some(name)) => Box::new(snapshot.by(Provider::BY_NAME, name)),
        (None, None, None) => Box::new(snapshot.all()),
    }
}

/// The whole tree that a provider is anywhere in.
fn in_tree(snapshot: &Snapshot, id: &str) -> Vec<Arc<Provider>> {
    let top = snapshot.get::<Provider>(id).and_then(|p| snapshot.get::<Provider>(&model::root(snapshot, &p)));
    top.map_or_else(Vec::new, |top| model::subtree(snapshot, top))
}
