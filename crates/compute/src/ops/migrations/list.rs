use super::{Seen, seen};
use crate::{
    Compute,
    error::invalid,
    model::Migration,
    ops::servers::MAX_LIMIT,
    policy::{MIGRATIONS_ALL, MIGRATIONS_HOST, MIGRATIONS_INDEX},
};
use http::Params;
use kernel::{Ctx, Result, Timestamp};
use policy::{Authorize, target};
use std::sync::Arc;
use store::Snapshot;

/// Those that match, the newest first, and the marker of the next page. Without a project of their own in the query only those
/// who may see all get any, as in Nova.
pub(crate) async fn list(c: &Compute, cx: &Ctx, params: &Params) -> Result<(Vec<Seen>, Option<String>)> {
    let project = cx.credentials.project().cloned().unwrap_or_default();
    let own = target! { "project_id" => project };
    let _permit = cx.authorize(&MIGRATIONS_INDEX, &own)?;
    if params.get("project_id") != Some(project.as_str()) {
        let _permit = cx.authorize(&MIGRATIONS_ALL, &own)?;
    }
    let snapshot = c.store.read().await?;
    let mut found = matching(&snapshot, cx, params)?;
    let mut next = None;
    if cx.version.since(2, 59) {
        let marker = params.get("marker").unwrap_or_default().to_owned();
        let missing = || invalid(format!("Marker {marker} could not be found."));
        let cut = params.page(MAX_LIMIT)?.cut(found, |m| m.id.as_str()).ok_or_else(missing)?;
        found = cut.items;
        next = found.last().filter(|_| cut.more).map(|m| m.id.clone());
    }
    let with_hosts = cx.allows(&MIGRATIONS_HOST, &own);
    Ok((found.into_iter().map(|m| seen(&snapshot, m, with_hosts)).collect(), next))
}

fn matching(snapshot: &Snapshot, cx: &Ctx, params: &Params) -> Result<Vec<Arc<Migration>>> {
    let time = |key: &str, minor: u16| match params.get(key).filter(|_| cx.version.since(2, minor)) {
        None => Ok(None),
        Some(text) => {
            let read = Timestamp::parse(text);
            read.map(Some).ok_or_else(|| invalid(format!("Invalid input for query parameters {key}.")))
        }
    };
    let (since, before) = (time("changes-since", 59)?, time("changes-before", 66)?);
    if since.zip(before).is_some_and(|(since, before)| before < since) {
        return Err(invalid("The value of changes-since must be less than or equal to changes-before."));
    }
    let is = |key: &str, value: &str| params.get(key).is_none_or(|wanted| wanted == value);
    let matches = |m: &Arc<Migration>| {
        let changed = m.updated.unwrap_or(m.created);
        is("instance_uuid", &m.server)
            && is("source_compute", &m.source)
            && (is("host", &m.source) || is("host", m.dest.as_deref().unwrap_or_default()))
            && is("status", m.status.as_str())
            && is("migration_type", m.kind.as_str())
            && is("user_id", &m.user)
            && is("project_id", &m.project)
            && since.is_none_or(|t| changed >= t)
            && before.is_none_or(|t| changed <= t)
    };
    // Nova hides one half of what goes between its cells; nothing here has two halves.
    let hidden = params.get("hidden").is_some_and(|h| matches!(h, "1" | "true" | "True"));
    let mut found: Vec<_> = snapshot.all::<Migration>().filter(|m| !hidden && matches(m)).collect();
    found.sort_by_key(|m| std::cmp::Reverse((m.created, m.number)));
    Ok(found)
}
