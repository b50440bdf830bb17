//! Instance actions: what was asked of a server, read from history; also of servers that are gone.

use crate::{
    Compute, ComputeError,
    model::action::{Action, fold, stream},
    ops::servers::permitted,
    policy::{ACTIONS_LIST, ACTIONS_SHOW},
};
use http::Params;
use kernel::{Ctx, Error, Result, ServerId, Timestamp};
use policy::{Authorize, Rule, target};
use store::Order;

/// Records read of one server.
const MOST: usize = 4000;

/// A page of actions, newest first, and whether more follow.
pub(crate) async fn list(c: &Compute, cx: &Ctx, server: &str, params: &Params) -> Result<(Vec<Action>, bool)> {
    let mut actions = of(c, cx, server, &ACTIONS_LIST).await?;
    if !cx.version.since(2, 58) {
        return Ok((actions, false));
    }
    let changed = |a: &Action| a.end.as_ref().map_or(a.start, |end| end.at);
    let (since, before) = (time(params, "changes-since")?, time(params, "changes-before")?);
    if since.zip(before).is_some_and(|(since, before)| before < since) {
        return Err(Error::bad_request("The value of changes-since must be less than or equal to changes-before."));
    }
    actions.retain(|a| since.is_none_or(|t| changed(a) >= t) && before.is_none_or(|t| changed(a) <= t));
    let page = params.page(super::servers::MAX_LIMIT)?;
    let paged = page.cut(actions, |a| a.request_id.as_str());
    let paged = paged.ok_or_else(|| {
        Error::bad_request(format!("marker [{}] not found", params.get("marker").unwrap_or_default()))
    })?;
    Ok((paged.items, paged.more))
}

pub(crate) async fn show(c: &Compute, cx: &Ctx, server: &str, request: &str) -> Result<Action> {
    let actions = of(c, cx, server, &ACTIONS_SHOW).await?;
    let found = actions.into_iter().find(|a| a.request_id.as_str() == request);
    found.ok_or_else(|| ComputeError::NoAction(request.into(), server.into()).into())
}

/// Before 2.21 the actions of a deleted server cannot be read.
async fn of(c: &Compute, cx: &Ctx, server: &str, rule: &'static Rule) -> Result<Vec<Action>> {
    let snapshot = c.store.read().await?;
    let alive = permitted(cx, &snapshot, server, rule);
    if alive.is_err() && (snapshot.contains::<crate::model::Server>(server) || !cx.version.since(2, 21)) {
        return Err(alive.err().unwrap_or_else(|| ComputeError::NoServer(server.into()).into()));
    }
    let records = c.store.history(&stream(&ServerId::from(server)), None, MOST, Order::NewestFirst).await?;
    let read = records.into_iter().rev().filter_map(|e| serde_json::from_value::<Action>(e.record).ok());
    let actions = fold(read);
    if alive.is_err() {
        let missing = || ComputeError::NoServer(server.into());
        let project = &actions.first().ok_or_else(missing)?.project;
        if !cx.is_admin() && cx.credentials.project() != Some(project) {
            return Err(missing().into());
        }
        let _permit = cx.authorize(rule, &target! { "project_id" => project })?;
    }
    Ok(actions)
}

fn time(params: &Params, key: &str) -> Result<Option<Timestamp>> {
    let read = |text| Timestamp::parse(text).ok_or_else(|| Error::bad_request(format!("Invalid filter field: {key}.")));
    params.get(key).map(read).transpose()
}
