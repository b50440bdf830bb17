//! `/os-services`: a `nova-compute` for each host, and the scheduler and conductor that every member is.

use crate::{
    Compute, ComputeError,
    model::ComputeHost,
    ops::zones::zone_of,
    policy::{SERVICES_DELETE, SERVICES_LIST, SERVICES_UPDATE},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State};
use kernel::{Ctx, Error, Result};
use policy::Authorize;
use serde_json::{Value, json};
use std::sync::Arc;
use store::Tx;

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/os-services", index)
        .put("/v2.1/os-services/{id}", update)
        .delete("/v2.1/os-services/{id}", delete)
}

http::schema! {
    UPDATE = {
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "status": {"type": "string", "enum": ["enabled", "disabled"]},
            "disabled_reason": {"type": "string", "minLength": 1, "maxLength": 255},
            "forced_down": {"type": ["boolean", "string"]},
        },
    };
    LEGACY = {
        "type": "object",
        "required": ["host", "binary"],
        "additionalProperties": false,
        "properties": {
            "host": {"type": "string", "minLength": 1, "maxLength": 255},
            "binary": {"type": "string", "minLength": 1, "maxLength": 255},
            "disabled_reason": {"type": "string", "minLength": 1, "maxLength": 255},
            "forced_down": {"type": ["boolean", "string"]},
        },
    };
}

fn view(c: &Compute, cx: &Ctx, host: &ComputeHost) -> Value {
    let up = c.hosts.is_connected(&host.name) && !host.forced_down;
    let seen = c.hosts.hosts().into_iter().find(|h| h.host == host.name).map_or(host.updated, |h| h.last_seen);
    let mut out = json!({
        "id": if cx.version.since(2, 53) { json!(host.service_id) } else { json!(host.number) },
        "binary": "nova-compute",
        "host": host.name,
        "zone": zone_of(&c.store.snapshot(), host),
        "status": if host.disabled { "disabled" } else { "enabled" },
        "state": if up { "up" } else { "down" },
        "updated_at": seen.iso_micros(),
        "disabled_reason": host.disabled_reason,
    });
    if cx.version.since(2, 11) {
        out["forced_down"] = json!(host.forced_down);
    }
    out
}

/// What is no process of its own here but part of every member, and asked for by clients.
fn inner(cx: &Ctx, number: u64, binary: &str) -> Value {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("tstack:{binary}").as_bytes()).to_string();
    let mut out = json!({
        "id": if cx.version.since(2, 53) { json!(id) } else { json!(number) },
        "binary": binary, "host": "tstack", "zone": "internal", "status": "enabled", "state": "up",
        "updated_at": cx.now().iso_micros(), "disabled_reason": Value::Null,
    });
    if cx.version.since(2, 11) {
        out["forced_down"] = json!(false);
    }
    out
}

async fn index(State(c): State<Compute>, Cx(cx): Cx, params: Params) -> ApiResult {
    let _permit = cx.authorize(&SERVICES_LIST, &())?;
    let mut rows: Vec<_> = c.store.snapshot().all::<ComputeHost>().map(|h| view(&c, &cx, &h)).collect();
    rows.push(inner(&cx, 1_000_001, "nova-scheduler"));
    rows.push(inner(&cx, 1_000_002, "nova-conductor"));
    let wanted = |key: &str, row: &Value| params.get(key).is_none_or(|v| row[key] == *v);
    rows.retain(|row| wanted("binary", row) && wanted("host", row));
    Ok(http::ok(&json!({"services": rows})))
}

fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(|t| t.eq_ignore_ascii_case("true")))
}

async fn change(c: &Compute, host: Arc<ComputeHost>, edit: impl Fn(&mut ComputeHost) + Send + 'static) -> Result<Arc<ComputeHost>> {
    let write = move |tx: &mut Tx| {
        let changed = tx.update::<ComputeHost>(&host.name, &edit);
        changed.ok_or_else(|| ComputeError::NoComputeHost(host.name.to_string()).into())
    };
    c.store.transact("compute.service.update", write).await
}

fn by_service(c: &Compute, id: &str) -> Result<Arc<ComputeHost>> {
    let found = c.store.snapshot().all::<ComputeHost>().find(|h| h.service_id == id || h.number.to_string() == id);
    found.ok_or_else(|| ComputeError::NoService(id.into()).into())
}

/// From 2.53 on the id of a service; before, an action's name with the host in the body.
async fn update(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, body: JsonBody) -> ApiResult {
    let _permit = cx.authorize(&SERVICES_UPDATE, &())?;
    if !cx.version.since(2, 53) {
        return legacy(&c, &cx, &id, body.read(&LEGACY)?).await;
    }
    let body: Value = body.read(&UPDATE)?;
    let host = by_service(&c, &id)?;
    let (status, reason) = (body["status"].as_str().map(str::to_owned), body["disabled_reason"].as_str().map(str::to_owned));
    if reason.is_some() && status.as_deref() != Some("disabled") {
        return Err(Error::bad_request("Specifying disabled_reason requires that status is 'disabled'.").into());
    }
    let down = body.get("forced_down").map(flag);
    let edit = move |h: &mut ComputeHost| {
        match status.as_deref() {
            Some("disabled") => (h.disabled, h.disabled_reason) = (true, reason.clone()),
            Some(_) => (h.disabled, h.disabled_reason) = (false, None),
            None => {}
        }
        h.forced_down = down.unwrap_or(h.forced_down);
    };
    let host = change(&c, host, edit).await?;
    Ok(http::ok(&json!({"service": view(&c, &cx, &host)})))
}

async fn legacy(c: &Compute, cx: &Ctx, action: &str, body: Value) -> ApiResult {
    let name = body["host"].as_str().unwrap_or_default();
    let host = c.store.snapshot().get::<ComputeHost>(name).filter(|_| body["binary"] == "nova-compute");
    let host = host.ok_or_else(|| Error::from(ComputeError::NoComputeHost(name.to_owned())))?;
    let reason = body["disabled_reason"].as_str().map(str::to_owned);
    let down = flag(&body["forced_down"]);
    let host = match action {
        "enable" => change(c, host, |h| (h.disabled, h.disabled_reason) = (false, None)).await?,
        "disable" => change(c, host, |h| (h.disabled, h.disabled_reason) = (true, None)).await?,
        "disable-log-reason" if reason.is_some() => {
            change(c, host, move |h| (h.disabled, h.disabled_reason) = (true, reason.clone())).await?
        }
        "disable-log-reason" => return Err(Error::bad_request("Missing disabled reason field").into()),
        "force-down" if cx.version.since(2, 11) => change(c, host, move |h| h.forced_down = down).await?,
        _ => return Err(Error::not_found("Unknown action").into()),
    };
    let shown = view(c, cx, &host);
    let keep = ["host", "binary", "status", "disabled_reason", "forced_down"];
    let wanted = |key: &str| match key {
        "status" => action != "force-down",
        "disabled_reason" => action == "disable-log-reason",
        "forced_down" => action == "force-down",
        _ => true,
    };
    let service: serde_json::Map<_, _> =
        keep.iter().filter(|k| wanted(k)).filter_map(|k| Some(((*k).to_owned(), shown.get(*k)?.clone()))).collect();
    Ok(http::ok(&json!({"service": service})))
}

/// Only a host that is down and empty can be forgotten.
async fn delete(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let _permit = cx.authorize(&SERVICES_DELETE, &())?;
    let host = by_service(&c, &id)?;
    let busy = c.store.snapshot().all::<crate::model::Server>().any(|s| s.host.as_ref() == Some(&host.name));
    if busy || c.hosts.is_connected(&host.name) {
        let text = "Unable to delete compute service that is hosting instances or is up. Migrate or delete the instances first, and stop the host.";
        return Err(Error::conflict(text).into());
    }
    let remove = move |tx: &mut Tx| Ok(tx.delete::<ComputeHost>(&host.name));
    c.store.transact("compute.service.delete", remove).await?;
    Ok(http::no_content())
}
