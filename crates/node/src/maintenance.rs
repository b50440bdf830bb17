//! `/cloud/v1/hosts`: which there are, and how those in maintenance get on. Beginning and ending it is a wish; that it is so, the
//! list tells.

use crate::cloud_api::{Cloud, HOSTS};
use compute::{Afterwards, HostView, Left, model::maintenance::Phase};
use http::{ApiResult, Cx, JsonBody, Params, Path, State};
use policy::Authorize;
use serde::Deserialize;
use serde_json::{Value, json};

fn view(host: &HostView) -> Value {
    let phase = host.maintenance.map(|(phase, since)| {
        let name = match phase {
            Phase::Draining if host.left.is_empty() => "drained",
            Phase::Draining => "draining",
            Phase::Returning => "returning",
        };
        json!({"phase": name, "since": since.iso_z(), "gone": host.gone, "left": host.left.iter().map(left).collect::<Vec<_>>()})
    });
    json!({
        "name": host.name,
        "disabled": host.disabled,
        "reason": host.reason,
        "servers": host.servers,
        "maintenance": phase,
    })
}

fn left(left: &Left) -> Value {
    json!({"server": left.server, "why": left.why})
}

pub async fn hosts(State(cloud): State<Cloud>, Cx(cx): Cx) -> ApiResult {
    let permit = cx.authorize(&HOSTS, &())?;
    let hosts = cloud.services().compute.host_views(&permit);
    Ok(http::ok(&json!({"hosts": hosts.iter().map(view).collect::<Vec<_>>()})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    reason: Option<String>,
}

pub async fn begin(
    State(cloud): State<Cloud>,
    Cx(cx): Cx,
    Path(name): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let permit = cx.authorize(&HOSTS, &())?;
    let Begin { reason } = http::from_value(body)?;
    let host = cloud.services().compute.begin_maintenance(permit, &name, reason).await?;
    Ok(http::ok(&json!({"host": view(&host)})))
}

/// With `bring_back`, servers that went elsewhere return.
pub async fn end(State(cloud): State<Cloud>, Cx(cx): Cx, Path(name): Path<String>, params: Params) -> ApiResult {
    let permit = cx.authorize(&HOSTS, &())?;
    let back = params.flag("bring_back")?.unwrap_or_default();
    let afterwards = if back { Afterwards::ComeBack } else { Afterwards::StayAway };
    let host = cloud.services().compute.end_maintenance(permit, &name, afterwards).await?;
    Ok(http::ok(&json!({"host": view(&host)})))
}
