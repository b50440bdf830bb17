use super::{super::query, read};
use crate::{
    candidates::{Candidates, search},
    ops::names,
    policy::CANDIDATES_LIST,
};
use http::Params;
use kernel::{Ctx, Result};
use policy::Authorize;
use std::collections::BTreeSet;
use store::Snapshot;

/// What was found, and which classes were asked for: before 1.27 summaries show no others.
pub(crate) struct Listed {
    pub(crate) found: Candidates,
    pub(crate) classes: BTreeSet<String>,
}

pub(crate) fn list(cx: &Ctx, snapshot: &Snapshot, params: &Params) -> Result<Listed> {
    let _ = cx.authorize(&CANDIDATES_LIST, &())?;
    let request = read::read(params, cx.version)?;
    let traits = request.groups.iter().map(|g| &g.traits).chain([&request.root]).flat_map(|traits| traits.names());
    names::known_traits(snapshot, traits).map_err(|unknown| query::bad(unknown.to_string()))?;
    let classes: BTreeSet<_> = request.groups.iter().flat_map(|g| g.resources.keys().cloned()).collect();
    query::known_classes(snapshot, classes.iter())?;
    Ok(Listed { found: search(snapshot, &request), classes })
}
