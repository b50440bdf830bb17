//! `/servers/{id}/os-instance-actions`

use super::{
    check_query, path_of,
    schema::{by_version, paging, query, values},
    servers::view::host_id_of,
    with_next,
};
use crate::{
    Compute,
    model::action::Action,
    ops::actions,
    policy::{ACTIONS_EVENTS, ACTIONS_EVENTS_DETAILS},
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State, ok};
use kernel::{Ctx, Timestamp};
use policy::{Authorize, target};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/servers/{server_id}/os-instance-actions", list)
        .get("/v2.1/servers/{server_id}/os-instance-actions/{request_id}", show)
}

by_version! { LIST = list_schema: 58, 66; }

fn list_schema(minor: u16) -> Value {
    let time = || values(json!({"type": "string", "format": "date-time"}));
    let mut properties = json!({"changes-since": time()});
    if minor >= 66 {
        properties["changes-before"] = time();
    }
    paging(&mut properties);
    query(properties, false)
}

fn view(action: &Action, cx: &Ctx) -> Value {
    let failed = action.end.as_ref().is_some_and(|end| end.error.is_some());
    let mut view = json!({
        "action": action.verb.as_str(),
        "instance_uuid": action.server,
        "request_id": action.request_id,
        "user_id": action.user,
        "project_id": action.project,
        "start_time": action.start.iso_micros(),
        "message": failed.then_some("Error"),
    });
    if cx.version.since(2, 58) {
        let changed = action.end.as_ref().map_or(action.start, |end| end.at);
        view["updated_at"] = changed.iso_micros().into();
    }
    view
}

/// What happened on the host: one event, because one flow does it all.
fn event(action: &Action, cx: &Ctx, all: bool, details: bool) -> Value {
    let end = action.end.as_ref();
    let error = end.and_then(|end| end.error.as_deref());
    let host = end.and_then(|end| end.host.as_deref());
    let mut view = json!({
        "event": action.verb.event(),
        "start_time": action.start.iso_micros(),
        "finish_time": end.map(|end| Timestamp::iso_micros(end.at)),
        "result": end.map(|_| if error.is_some() { "Error" } else { "Success" }),
    });
    if all {
        view["traceback"] = Value::Null;
    }
    if cx.version.since(2, 62) {
        if all {
            view["host"] = json!(host.unwrap_or_default());
        }
        view["hostId"] = host.map(|host| host_id_of(&action.project, host)).unwrap_or_default().into();
    }
    if details {
        view["details"] = json!(error);
    }
    view
}

async fn list(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    params: Params,
    base: BaseUrl,
) -> ApiResult {
    check_query(&cx, &params, LIST)?;
    let (found, more) = actions::list(&c, &cx, &id, &params).await?;
    let mut body = json!({"instanceActions": found.iter().map(|a| view(a, &cx)).collect::<Vec<_>>()});
    let last = found.last().filter(|_| more).map(|a| a.request_id.as_str());
    let path = path_of(&format!("servers/{id}/os-instance-actions"));
    with_next(&mut body, "links", &base, &path, &params, last);
    Ok(ok(&body))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path((id, request)): Path<(String, String)>) -> ApiResult {
    let found = actions::show(&c, &cx, &id, &request).await?;
    let target = target! { "project_id" => found.project };
    let all = cx.allows(&ACTIONS_EVENTS, &target);
    let details = cx.version.since(2, 84) && cx.allows(&ACTIONS_EVENTS_DETAILS, &target);
    let mut body = view(&found, &cx);
    if all || cx.version.since(2, 51) {
        body["events"] = json!([event(&found, &cx, all, details)]);
    }
    Ok(ok(&json!({"instanceAction": body})))
}
