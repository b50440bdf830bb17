//! `/cloud/v1/traffic/…`: what passed ports, for tenants that look after theirs and operators that bill all.
//! `/cloud/v1/net/exports`: where samples of networks' packets go.

use crate::cloud_api::{Cloud, FLOW_EXPORT, TRAFFIC, spec};
use http::{ApiResult, Cx, JsonBody, Params, Path, State};
use kernel::{Ctx, Error, ProjectId, Result};
use network::traffic::PortUse;
use policy::Authorize;
use serde_json::json;

/// Lines of one answer.
const PAGE: usize = 1000;

/// Whose numbers: `project_id`, everybody's with `all_projects`, else the caller's own.
fn whose(cx: &Ctx, params: &Params) -> Result<Option<ProjectId>> {
    if params.flag("all_projects")?.unwrap_or_default() {
        let _read = cx.authorize(&TRAFFIC, &())?;
        return Ok(None);
    }
    let project = match params.get("project_id") {
        Some(id) => ProjectId::from(id),
        None => cx.project()?.clone(),
    };
    let _read = cx.authorize(&TRAFFIC, &[("project_id", project.as_str())])?;
    Ok(Some(project))
}

pub async fn ports(State(cloud): State<Cloud>, Cx(cx): Cx, params: Params, base: http::BaseUrl) -> ApiResult {
    let project = whose(&cx, &params)?;
    let network = params.get("network_id");
    let mut all = cloud.services().network.port_traffic(project.as_ref());
    all.retain(|port| network.is_none_or(|id| port.network_id.as_str() == id));
    all.sort_by(|a, b| a.port_id.cmp(&b.port_id));
    let no_marker = || Error::bad_request("marker: no such port");
    let page = params.page(PAGE)?.cut(all, |port| port.port_id.as_str()).ok_or_else(no_marker)?;
    let last = page.items.last().filter(|_| page.more);
    let path = format!("{}/v1/traffic/ports", spec().prefix);
    let links: Vec<_> = last
        .map(|last| json!({"rel": "next", "href": http::next_link(&base, &path, &params, last.port_id.as_str())}))
        .into_iter()
        .collect();
    Ok(http::ok(&json!({"ports": page.items, "links": links})))
}

/// Another project's port is like none.
pub async fn port(State(cloud): State<Cloud>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let mine = |port: &PortUse| cx.allows(&TRAFFIC, &[("project_id", port.project_id.as_str())]);
    let found = cloud.services().network.traffic_of_port(&id.as_str().into()).filter(mine);
    let found = found.ok_or_else(|| Error::not_found(format!("nothing was counted for the port {id}")))?;
    Ok(http::ok(&json!({"port": found})))
}

pub async fn projects(State(cloud): State<Cloud>, Cx(cx): Cx, params: Params) -> ApiResult {
    let project = whose(&cx, &params)?;
    Ok(http::ok(&json!({"projects": cloud.services().network.project_traffic(project.as_ref())})))
}

pub async fn exports(State(cloud): State<Cloud>, Cx(cx): Cx) -> ApiResult {
    let _read = cx.authorize(&FLOW_EXPORT, &())?;
    Ok(http::ok(&json!({"exports": cloud.services().network.flow_exports()})))
}

pub async fn export(
    State(cloud): State<Cloud>,
    Cx(cx): Cx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let _permit = cx.authorize(&FLOW_EXPORT, &())?;
    let made = cloud.services().network.export_flows(&id.as_str().into(), http::from_value(body)?).await?;
    Ok(http::ok(&json!({"export": made})))
}

pub async fn stop_exporting(
    State(cloud): State<Cloud>,
    Cx(cx): Cx,
    Path(id): Path<String>,
) -> ApiResult<http::Response> {
    let _permit = cx.authorize(&FLOW_EXPORT, &())?;
    cloud.services().network.stop_exporting(&id.as_str().into()).await?;
    Ok(http::no_content())
}
