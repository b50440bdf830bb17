//! `/os-simple-tenant-usage`, from 2.40 on in pages of servers.

use super::{
    check_query, path_of,
    schema::{by_version, paging, query, words},
    with_next,
};
use crate::{
    Compute,
    error::invalid,
    ops::{
        servers::MAX_LIMIT,
        usage::{self, Span, Used},
    },
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State, ok};
use kernel::{Ctx, ProjectId, Result, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new().get("/v2.1/os-simple-tenant-usage", list).get("/v2.1/os-simple-tenant-usage/{tenant_id}", show)
}

by_version! { QUERY = query_schema: 1, 40, 75; }

fn query_schema(minor: u16) -> Value {
    let mut properties = json!({"start": words(), "end": words(), "detailed": words()});
    if minor >= 40 {
        paging(&mut properties);
    }
    query(properties, minor < 75)
}

fn span(cx: &Ctx, params: &Params) -> Result<Span> {
    let read = |key: &str| match params.get(key) {
        None => Ok(cx.now()),
        Some(text) => Timestamp::parse(text).ok_or_else(|| invalid("Datetime is in invalid format")),
    };
    let (start, stop) = (read("start")?, read("end")?.min(cx.now()));
    if start >= stop {
        return Err(invalid("Invalid start time. The start time cannot occur after the end time."));
    }
    Ok(Span { start, stop })
}

/// The page's servers of each project, and the marker of the next one.
fn page(
    cx: &Ctx,
    params: &Params,
    all: BTreeMap<ProjectId, Vec<Used>>,
) -> Result<(BTreeMap<ProjectId, Vec<Used>>, Option<String>)> {
    if !cx.version.since(2, 40) {
        return Ok((all, None));
    }
    let page = params.page(MAX_LIMIT)?;
    let flat: Vec<Used> = all.into_values().flatten().collect();
    let marker = params.get("marker").unwrap_or_default();
    let cut =
        page.cut(flat, |u| u.server.id.as_str()).ok_or_else(|| invalid(format!("marker [{marker}] not found")))?;
    let full = page.limit.is_some_and(|limit| limit > 0 && cut.items.len() == limit);
    let last = cut.items.last().filter(|_| full).map(|u| u.server.id.to_string());
    let mut of: BTreeMap<ProjectId, Vec<Used>> = BTreeMap::new();
    for used in cut.items {
        of.entry(used.server.project.clone()).or_default().push(used);
    }
    Ok((of, last))
}

fn local_gb(used: &Used) -> u64 {
    used.server.flavor.disk_gib + used.server.flavor.ephemeral_gib
}

fn server_view(used: &Used, now: Timestamp) -> Value {
    let (s, f) = (&used.server, &used.server.flavor);
    let launched = s.launched.unwrap_or(s.created);
    json!({
        "instance_id": s.id,
        "name": s.name,
        "tenant_id": s.project,
        "flavor": f.name,
        "vcpus": f.vcpus,
        "memory_mb": f.ram_mib,
        "local_gb": local_gb(used),
        "hours": used.hours,
        "started_at": launched.iso_micros(),
        "ended_at": used.ended.map(Timestamp::iso_micros),
        "state": if used.ended.is_some() { "terminated" } else { s.state.as_str() },
        "uptime": used.ended.unwrap_or(now).since(launched).as_secs(),
    })
}

fn project_view(project: &ProjectId, of: &[Used], span: Span, detailed: bool, now: Timestamp) -> Value {
    let sum = |amount: fn(&Used) -> f64| of.iter().map(|u| amount(u) * u.hours).sum::<f64>();
    let mut view = json!({
        "tenant_id": project,
        "start": span.start.iso_micros(),
        "stop": span.stop.iso_micros(),
        "total_hours": sum(|_| 1.0),
        "total_vcpus_usage": sum(|u| f64::from(u.server.flavor.vcpus)),
        "total_memory_mb_usage": sum(|u| u.server.flavor.ram_mib as f64),
        "total_local_gb_usage": sum(|u| local_gb(u) as f64),
    });
    if detailed {
        view["server_usages"] = of.iter().map(|u| server_view(u, now)).collect();
    }
    view
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    check_query(&cx, &params, QUERY)?;
    let span = span(&cx, &params)?;
    let (usage, next) = page(&cx, &params, usage::all(&c, &cx, span).await?)?;
    let detailed = params.get("detailed") == Some("1");
    let views: Vec<_> = usage.iter().map(|(p, of)| project_view(p, of, span, detailed, cx.now())).collect();
    let mut body = json!({"tenant_usages": views});
    let path = path_of("os-simple-tenant-usage");
    with_next(&mut body, "tenant_usages_links", &base, &path, &params, next.as_deref());
    Ok(ok(&body))
}

async fn show(
    State(c): State<Compute>,
    Cx(cx): Cx,
    Path(project): Path<ProjectId>,
    params: Params,
    base: BaseUrl,
) -> ApiResult {
    check_query(&cx, &params, QUERY)?;
    let span = span(&cx, &params)?;
    let of = usage::one(&c, &cx, &project, span).await?;
    let (mut usage, next) = page(&cx, &params, [(project.clone(), of)].into())?;
    let of = usage.remove(&project).filter(|of| !of.is_empty());
    let view = of.map(|of| project_view(&project, &of, span, true, cx.now()));
    let mut body = json!({"tenant_usage": view.unwrap_or_else(|| json!({}))});
    let path = path_of(&format!("os-simple-tenant-usage/{project}"));
    with_next(&mut body, "tenant_usage_links", &base, &path, &params, next.as_deref());
    Ok(ok(&body))
}
