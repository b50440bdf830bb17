//! `/os-simple-tenant-usage`: what servers took, from those there are and those whose records remain.

use crate::{
    Compute,
    model::{Server, server::Deleted},
    policy::{USAGE_LIST, USAGE_SHOW},
};
use http::{ApiResult, ApiRouter, Cx, Params, Path, State};
use kernel::{Ctx, Error, Result, Timestamp};
use policy::{Authorize, target};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Without dates, the last four weeks.
const WEEKS: Duration = Duration::from_secs(28 * 24 * 3600);

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new().get("/v2.1/os-simple-tenant-usage", index).get("/v2.1/os-simple-tenant-usage/{id}", show)
}

struct Period {
    start: Timestamp,
    stop: Timestamp,
    now: Timestamp,
}

impl Period {
    fn read(cx: &Ctx, params: &Params) -> Result<Self> {
        let now = cx.now();
        let at = |key: &str, default: Timestamp| match params.get(key) {
            None => Ok(default),
            Some(text) => Timestamp::parse(text).ok_or_else(|| Error::bad_request(format!("Datetime is in invalid format: {text}"))),
        };
        let (start, stop) = (at("start", now.minus(WEEKS))?, at("end", now)?);
        if start >= stop {
            return Err(Error::bad_request("Invalid start time. The start time cannot occur after the end time."));
        }
        Ok(Self { start, stop, now })
    }
}

/// One server's line, if it lived in the period.
fn line(period: &Period, server: &Server, ended: Option<Timestamp>) -> Option<Value> {
    let (from, to) = (server.launched.unwrap_or(server.created), ended.unwrap_or(period.now));
    let (from_in, to_in) = (from.max(period.start), to.min(period.stop));
    if from_in >= to_in {
        return None;
    }
    Some(json!({
        "instance_id": server.id, "name": server.name, "tenant_id": server.project, "flavor": server.flavor.name,
        "hours": to_in.since(from_in).as_secs_f64() / 3600.0, "vcpus": server.flavor.vcpus, "memory_mb": server.flavor.ram_mib,
        "local_gb": server.flavor.disk_gib + server.flavor.ephemeral_gib, "started_at": from.iso_micros(),
        "ended_at": ended.map(Timestamp::iso_micros), "uptime": to.since(from).as_secs(),
        "state": if ended.is_some() { "terminated" } else { server.state.as_str() },
    }))
}

fn sum(project: &str, period: &Period, lines: Vec<Value>, detailed: bool) -> Value {
    let hours = |row: &Value| row["hours"].as_f64().unwrap_or(0.0);
    let weighed = |key: &str| lines.iter().map(|r| hours(r) * r[key].as_f64().unwrap_or(0.0)).sum::<f64>();
    let mut out = json!({
        "tenant_id": project, "start": period.start.iso_micros(), "stop": period.stop.iso_micros(),
        "total_hours": lines.iter().map(hours).sum::<f64>(), "total_vcpus_usage": weighed("vcpus"),
        "total_memory_mb_usage": weighed("memory_mb"), "total_local_gb_usage": weighed("local_gb"),
    });
    if detailed {
        out["server_usages"] = json!(lines);
    }
    out
}

async fn lines(c: &Compute, period: &Period, project: Option<&str>) -> Result<BTreeMap<String, Vec<Value>>> {
    let view = c.store.snapshot();
    let mut by_project: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut add = |server: &Server, ended: Option<Timestamp>| {
        if project.is_none_or(|p| server.project == *p)
            && let Some(line) = line(period, server, ended)
        {
            by_project.entry(server.project.to_string()).or_default().push(line);
        }
    };
    view.all::<Server>().for_each(|s| add(&s, None));
    for gone in Deleted::since(&c.store, period.start).await? {
        add(&gone.server, Some(gone.terminated));
    }
    Ok(by_project)
}

async fn index(State(c): State<Compute>, Cx(cx): Cx, params: Params) -> ApiResult {
    let _permit = cx.authorize(&USAGE_LIST, &())?;
    let (period, detailed) = (Period::read(&cx, &params)?, params.get("detailed") == Some("1"));
    let rows = lines(&c, &period, None).await?;
    let rows: Vec<_> = rows.into_iter().map(|(project, lines)| sum(&project, &period, lines, detailed)).collect();
    Ok(http::ok(&json!({"tenant_usages": rows})))
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    let _permit = cx.authorize(&USAGE_SHOW, &target! { "project_id" => id })?;
    let period = Period::read(&cx, &params)?;
    let found = lines(&c, &period, Some(&id)).await?.remove(&id);
    let usage = found.map_or_else(|| json!({}), |lines| sum(&id, &period, lines, true));
    Ok(http::ok(&json!({"tenant_usage": usage})))
}
