//! `/os-services`

use super::{
    check_query, checked, not_in_this_version,
    schema::{boolean, by_version, fqdn, object, query, text, words},
    since, until,
};
use crate::{
    Compute,
    error::invalid,
    ops::is_true,
    ops::services::{self, BINARY, Change, Service, Which},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State, no_content, ok};
use kernel::{Ctx, Result};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    const ONE: &str = "/v2.1/os-services/{service_id}";
    ApiRouter::new().get("/v2.1/os-services", list).put(ONE, update).delete(ONE, delete)
}

by_version! {
    LIST = list_schema: 1, 75;
    UPDATE = update_schema: 53;
    ACTION = action_schema: 1;
}

fn list_schema(minor: u16) -> Value {
    query(json!({"host": words(), "binary": words()}), minor < 75)
}

fn update_schema(_: u16) -> Value {
    let properties = json!({
        "status": {"type": "string", "enum": ["enabled", "disabled"]},
        "disabled_reason": text(1, 255),
        "forced_down": boolean(),
    });
    object(properties, &[])
}

/// Before 2.53: `PUT /os-services/{action}`.
fn action_schema(_: u16) -> Value {
    let properties = json!({
        "host": fqdn(),
        "binary": text(1, 255),
        "disabled_reason": text(1, 255),
        "forced_down": boolean(),
    });
    object(properties, &["host", "binary"])
}

fn view(cx: &Ctx, s: &Service) -> Value {
    let mut view = json!({
        "binary": BINARY,
        "host": s.host.name,
        "zone": s.zone,
        "status": if s.host.disabled { "disabled" } else { "enabled" },
        "state": if s.up { "up" } else { "down" },
        "updated_at": s.seen.iso_micros(),
        "disabled_reason": s.host.disabled_reason,
    });
    view["id"] = if cx.version.since(2, 53) { json!(s.host.service_id) } else { s.host.number.into() };
    if cx.version.since(2, 11) {
        view["forced_down"] = s.host.forced_down.into();
    }
    view
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, params: Params) -> ApiResult {
    check_query(&cx, &params, LIST)?;
    let found = services::list(&c, &cx, &params).await?;
    Ok(ok(&json!({"services": found.iter().map(|s| view(&cx, s)).collect::<Vec<_>>()})))
}

async fn update(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    if !cx.version.since(2, 53) {
        return act(&c, &cx, &id, body).await;
    }
    let body: Value = checked(&cx, body, UPDATE)?;
    let changed = services::update(&c, &cx, Which::Id(id), change(&body)?).await?;
    Ok(ok(&json!({"service": view(&cx, &changed)})))
}

fn change(body: &Value) -> Result<Change> {
    let (status, reason) = (body["status"].as_str(), body["disabled_reason"].as_str());
    if status != Some("disabled") && reason.is_some() {
        return Err(invalid("Specifying disabled_reason when status is not disabled is invalid."));
    }
    let forced_down = body.get("forced_down").map(is_true);
    if status.is_none() && forced_down.is_none() {
        return Err(invalid("No updates were requested. Fields 'status' or 'forced_down' should be specified."));
    }
    Ok(Change { disabled: status.map(|s| s == "disabled"), reason: reason.map(str::to_owned), forced_down })
}

/// `enable`, `disable`, `disable-log-reason` and `force-down`, by host and binary.
async fn act(c: &Compute, cx: &Ctx, action: &str, body: JsonBody) -> ApiResult {
    until(cx, 52)?;
    let body: Value = checked(cx, body, ACTION)?;
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let which = Which::Host { host: text("host"), binary: text("binary") };
    let disable = |disabled| Change { disabled: Some(disabled), ..Change::default() };
    let change = match action {
        "enable" => disable(false),
        "disable" => disable(true),
        "disable-log-reason" => {
            let reason = body["disabled_reason"].as_str().ok_or_else(|| invalid("Missing disabled reason field"))?;
            Change { reason: Some(reason.to_owned()), ..disable(true) }
        }
        "force-down" => {
            since(cx, 11)?;
            let down = body.get("forced_down").ok_or_else(|| invalid("Missing forced_down field"))?;
            Change { forced_down: Some(is_true(down)), ..Change::default() }
        }
        _ => return Err(not_in_this_version().into()),
    };
    let changed = services::update(c, cx, which, change).await?;
    let mut view = json!({"host": changed.host.name, "binary": BINARY});
    match action {
        "force-down" => view["forced_down"] = changed.host.forced_down.into(),
        _ => view["status"] = if changed.host.disabled { "disabled" } else { "enabled" }.into(),
    }
    if action == "disable-log-reason" {
        view["disabled_reason"] = json!(changed.host.disabled_reason);
    }
    Ok(ok(&json!({"service": view})))
}

async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    services::delete(&c, &cx, &id).await?;
    Ok(no_content())
}
