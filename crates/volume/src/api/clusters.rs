//! `/v3/clusters` (3.7) and `/v3/workers/cleanup` (3.24): what Cinder has for several processes that share a back end.
//!
//! A back end is served by the agent of its host and by nobody else, so there are no clusters; and what a process that ended was doing
//! is taken over by another within seconds, so nothing waits for a cleanup. Both are answered as by a Cinder without either.

use super::{VolumeCx, since, text};
use crate::{VolumeService, policy, service::authorize_own};
use http::{ApiResult, ApiRouter, JsonBody, Params, Path, StatusCode};
use kernel::{Error, Result};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/clusters", index)
        .get("/v3/clusters/detail", index)
        .get("/v3/clusters/{id}", show)
        .put("/v3/clusters/enable", switch)
        .put("/v3/clusters/disable", switch)
        .post("/v3/workers/cleanup", cleanup)
}

http::schema! {
    SWITCH = {
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 255},
            "binary": {"type": ["string", "null"], "maxLength": 255},
            "disabled_reason": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
        },
    };
    CLEANUP = {
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "cluster_name": {"type": ["string", "null"], "maxLength": 255},
            "service_id": {"type": ["string", "integer", "null"]},
            "host": {"type": ["string", "null"], "maxLength": 255},
            "binary": {"enum": ["cinder-volume", "cinder-scheduler"]},
            "is_up": {"type": ["boolean", "string"]},
            "disabled": {"type": ["boolean", "string"]},
            "resource_id": {"type": ["string", "null"], "format": "uuid"},
            "resource_type": {"type": ["string", "null"], "enum": ["Volume", "Snapshot", "volume", "snapshot", null]},
        },
    }
}

const FILTERS: &[&str] = &["name", "binary", "is_up", "disabled", "num_hosts", "num_down_hosts"];
/// Since 3.26.
const REPLICATION_FILTERS: &[&str] = &["replication_status", "frozen", "active_backend_id"];

async fn index(VolumeCx(cx): VolumeCx, params: Params) -> ApiResult {
    since(&cx, 7)?;
    let _read = authorize_own(&cx, &policy::CLUSTERS_GET_ALL)?;
    let known =
        |name: &str| FILTERS.contains(&name) || (cx.version.since(3, 26) && REPLICATION_FILTERS.contains(&name));
    let bad: Vec<_> = params.0.iter().filter(|(name, _)| !known(name)).map(|(name, _)| name.as_str()).collect();
    if !bad.is_empty() {
        return Err(
            Error::bad_request(format!("Invalid input received: Invalid filter keys: {}", bad.join(", "))).into()
        );
    }
    for flag in ["is_up", "disabled"] {
        params.flag(flag)?;
    }
    Ok(http::ok(&json!({"clusters": []})))
}

fn none<T>(name: &str) -> Result<T> {
    Err(Error::not_found(format!("Cluster {name} could not be found.")))
}

async fn show(VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    since(&cx, 7)?;
    let _read = authorize_own(&cx, &policy::CLUSTERS_GET)?;
    Ok(none(&id)?)
}

async fn switch(VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    since(&cx, 7)?;
    let _permitted = authorize_own(&cx, &policy::CLUSTERS_UPDATE)?;
    let body: Value = body.read(&SWITCH)?;
    Ok(none(&text(&body, "name").unwrap_or_default())?)
}

async fn cleanup(VolumeCx(cx): VolumeCx, body: JsonBody) -> ApiResult {
    since(&cx, 24)?;
    let _permitted = authorize_own(&cx, &policy::WORKERS_CLEANUP)?;
    let body: Value = body.read(&CLEANUP)?;
    pending(&body)?;
    Ok(http::json_response(StatusCode::ACCEPTED, &json!({"cleaning": [], "unavailable": []})))
}

/// A resource that is named without a place must wait for a cleanup: none does.
fn pending(body: &Value) -> Result<()> {
    let placed = ["service_id", "cluster_name", "host"].iter().any(|key| !body[*key].is_null());
    match text(body, "resource_id").filter(|_| !placed) {
        Some(id) => Err(Error::bad_request(format!(
            "Invalid input received: There is no resource with UUID {id} pending cleanup."
        ))),
        None => Ok(()),
    }
}
