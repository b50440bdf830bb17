use super::super::query::{self, Traits};
use crate::{
    model::{Provider, ProviderId},
    policy::PROVIDERS_LIST,
};
use http::Params;
use kernel::{Ctx, Result};
use policy::Authorize;
use std::sync::Arc;
use store::Snapshot;

/// The query's keys and the version that brought each.
const KEYS: &[(&str, u16)] =
    &[("name", 0), ("uuid", 0), ("member_of", 3), ("resources", 4), ("in_tree", 14), ("required", 18)];

pub(crate) fn list(cx: &Ctx, snapshot: &Snapshot, params: &Params) -> Result<Vec<Arc<Provider>>> {
    let _ = cx.authorize(&PROVIDERS_LIST, &())?;
    query::only(params, KEYS, cx.version)?;
    let resources = params.get("resources").map(query::resources).transpose()?.unwrap_or_default();
    let traits = Traits::parse(params, &query::known_trait(snapshot))?;
    let in_tree = |p: &Provider, root: &str| p.id == *root || p.parent.as_ref().is_some_and(|parent| parent == root);
    let wanted = |p: &Arc<Provider>| {
        params.get("name").is_none_or(|name| p.name == name)
            && params.get("uuid").is_none_or(|id| p.id == *id)
            && params.get("in_tree").is_none_or(|root| in_tree(p, root))
            && p.refusal(&resources).is_none()
            && traits.allow(p)
            && query::member_of(params, p)
    };
    Ok(candidates(snapshot, params).filter(wanted).collect())
}

/// By name or id there is at most one; else all.
fn candidates<'a>(snapshot: &'a Snapshot, params: &'a Params) -> Box<dyn Iterator<Item = Arc<Provider>> + 'a> {
    match (params.get("uuid"), params.get("name")) {
        (Some(id), _) => Box::new(snapshot.get(&ProviderId::from(id)).into_iter()),
        (None, Some(name)) => Box::new(snapshot.by(Provider::BY_NAME, name)),
        (None, None) => Box::new(snapshot.all()),
    }
}
