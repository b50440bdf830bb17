//! `/cloud/v1/servers/{id}/…`: what OpenStack's APIs have no place for. What a server is held to, and how a resize would go.

use crate::cloud_api::{Cloud, LIMITS, RESIZE_PLAN};
use compute::{ResizeQuestion, model::Server};
use http::{ApiResult, Cx, Params, Path, State};
use kernel::{Ctx, Error, Result};
use policy::{Authorize, Rule};
use serde_json::json;
use std::sync::Arc;
use store::Snapshot;

/// Another project's server is like none.
fn find(cx: &Ctx, snapshot: &Snapshot, id: &str, rule: &'static Rule) -> Result<Arc<Server>> {
    let server = snapshot.get::<Server>(id).filter(|s| cx.allows(rule, &[("project_id", s.project.as_str())]));
    server.ok_or_else(|| Error::not_found(format!("there is no server {id}")))
}

/// What was asked for, and what is in force.
pub async fn limits(State(cloud): State<Cloud>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let services = cloud.services();
    let snapshot = services.store.read().await?;
    let server = find(&cx, &snapshot, &id, &LIMITS)?;
    let told = services.compute.limits(&snapshot, &server).await?;
    let ports = services.network.port_limits(&snapshot, &server.id).await?;
    let volumes = services.volume.pool_limits(&snapshot, &server.id).await?;
    Ok(http::ok(&json!({"limits": told, "ports": ports, "volumes": volumes})))
}

/// How a resize would go now, and why so.
pub async fn resize_plan(State(cloud): State<Cloud>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    let snapshot = cloud.services().store.read().await?;
    let server = find(&cx, &snapshot, &id, &RESIZE_PLAN)?;
    let asked: ResizeQuestion = http::from_value(json!({"flavor": params.get("flavor"), "way": params.get("way")}))?;
    let plan = cloud.services().compute.resize_plan(&cx, &snapshot, &server, &asked).await?;
    Ok(http::ok(&json!({"resize": plan})))
}
