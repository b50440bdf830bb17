use super::super::query::{self, Traits};
use crate::{
    model::{Provider, Resources},
    policy::CANDIDATES_LIST,
};
use http::Params;
use kernel::{Ctx, Result};
use policy::Authorize;
use std::sync::Arc;
use store::Snapshot;

/// One request group, and the providers each of which could satisfy it alone.
pub(crate) struct Candidates {
    pub(crate) resources: Resources,
    pub(crate) providers: Vec<Arc<Provider>>,
}

/// No provider has children, so what a request may say about trees and sharing is all or nothing.
const KEYS: &[(&str, u16)] =
    &[("resources", 10), ("limit", 16), ("required", 17), ("member_of", 21), ("group_policy", 25), ("in_tree", 31)];

pub(crate) fn list(cx: &Ctx, snapshot: &Snapshot, params: &Params) -> Result<Candidates> {
    let _ = cx.authorize(&CANDIDATES_LIST, &())?;
    query::only(params, KEYS, cx.version)?;
    let missing = || query::bad("Invalid query string parameters: 'resources' is a required property".into());
    let resources = query::resources(params.get("resources").ok_or_else(missing)?)?;
    let traits = Traits::parse(params, &query::known_trait(snapshot))?;
    let limit = match params.get("limit").map(str::parse::<usize>) {
        None => usize::MAX,
        Some(Ok(limit)) if limit > 0 => limit,
        Some(_) => {
            return Err(query::bad("Invalid query string parameters: 'limit' must be a positive integer".into()));
        }
    };
    let fits = |p: &Arc<Provider>| {
        p.refusal(&resources).is_none()
            && traits.allow(p)
            && query::member_of(params, p)
            && params.get("in_tree").is_none_or(|root| p.id == *root)
    };
    let providers = snapshot.all::<Provider>().filter(fits).take(limit).collect();
    Ok(Candidates { resources, providers })
}
