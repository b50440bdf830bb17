//! `/os-hypervisors`

use super::until;
use crate::{
    Compute, ComputeError,
    model::{ComputeHost, Server},
    policy::{
        HYPERVISORS_DETAIL, HYPERVISORS_LIST, HYPERVISORS_SEARCH, HYPERVISORS_SERVERS, HYPERVISORS_SHOW, HYPERVISORS_STATISTICS, HYPERVISORS_UPTIME,
    },
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State};
use kernel::{Ctx, Error, Result};
use policy::Authorize;
use serde_json::{Value, json};
use std::sync::Arc;
use store::Snapshot;

const MAX: usize = 1000;

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/os-hypervisors", index)
        .get("/v2.1/os-hypervisors/detail", detail)
        .get("/v2.1/os-hypervisors/statistics", statistics)
        .get("/v2.1/os-hypervisors/{id}", show)
        .get("/v2.1/os-hypervisors/{id}/uptime", uptime)
        .get("/v2.1/os-hypervisors/{id}/search", search)
        .get("/v2.1/os-hypervisors/{id}/servers", servers)
}

fn up(c: &Compute, host: &ComputeHost) -> bool {
    c.hosts.is_connected(&host.name) && !host.forced_down
}

fn brief(c: &Compute, cx: &Ctx, host: &ComputeHost) -> Value {
    json!({
        "id": if cx.version.since(2, 53) { json!(host.hypervisor_id) } else { json!(host.number) },
        "hypervisor_hostname": host.name,
        "state": if up(c, host) { "up" } else { "down" },
        "status": if host.disabled { "disabled" } else { "enabled" },
    })
}

fn servers_of(view: &Snapshot, host: &ComputeHost) -> Vec<Value> {
    let here = view.all::<Server>().filter(|s| s.host.as_ref() == Some(&host.name));
    here.map(|s| json!({"uuid": s.id, "name": s.instance_name()})).collect()
}

/// What is used is what is claimed; until 2.87 Nova showed it here.
fn full(c: &Compute, cx: &Ctx, view: &Snapshot, host: &ComputeHost, with_servers: bool) -> Value {
    let capabilities = &host.capabilities;
    let mut out = brief(c, cx, host);
    out["host_ip"] = json!(host.address);
    out["hypervisor_type"] = json!(capabilities.hypervisor_type);
    out["hypervisor_version"] = json!(capabilities.hypervisor_version);
    out["service"] = json!({
        "id": if cx.version.since(2, 53) { json!(host.service_id) } else { json!(host.number) },
        "host": host.name,
        "disabled_reason": host.disabled_reason,
    });
    if cx.version.until(2, 87) {
        let used = c.placer.used(view, &host.name);
        let used = |class: &str| used.get(class).copied().unwrap_or(0);
        let cpu = json!({"arch": capabilities.arch, "model": capabilities.cpu_model, "vendor": "", "features": [],
            "topology": {"cores": capabilities.vcpus, "sockets": 1, "threads": 1}});
        out["cpu_info"] = if cx.version.since(2, 28) { cpu } else { json!(cpu.to_string()) };
        out["vcpus"] = json!(capabilities.vcpus);
        out["vcpus_used"] = json!(used("VCPU"));
        out["memory_mb"] = json!(capabilities.memory_mib);
        out["memory_mb_used"] = json!(used("MEMORY_MB"));
        out["free_ram_mb"] = json!(capabilities.memory_mib.saturating_sub(used("MEMORY_MB")));
        out["local_gb"] = json!(capabilities.disk_gib);
        out["local_gb_used"] = json!(used("DISK_GB"));
        out["free_disk_gb"] = json!(capabilities.disk_gib.saturating_sub(used("DISK_GB")));
        out["disk_available_least"] = json!(capabilities.disk_gib.saturating_sub(used("DISK_GB")));
        out["running_vms"] = json!(servers_of(view, host).len());
        out["current_workload"] = json!(0);
    } else {
        out["uptime"] = Value::Null;
    }
    if with_servers {
        out["servers"] = json!(servers_of(view, host));
    }
    out
}

/// Hosts whose name contains the pattern (2.53 on, as a query).
fn matching(c: &Compute, cx: &Ctx, params: &Params) -> Result<Vec<Arc<ComputeHost>>> {
    let all: Vec<_> = c.store.snapshot().all::<ComputeHost>().collect();
    match params.get("hypervisor_hostname_pattern").filter(|_| cx.version.since(2, 53)) {
        None => Ok(all),
        Some(pattern) => {
            let found: Vec<_> = all.into_iter().filter(|h| h.name.contains(pattern)).collect();
            if found.is_empty() { Err(Error::not_found(format!("No hypervisor matching '{pattern}' could be found."))) } else { Ok(found) }
        }
    }
}

async fn list(c: &Compute, cx: &Ctx, base: &BaseUrl, params: &Params, path: &str, detail: bool) -> ApiResult {
    let with_servers = cx.version.since(2, 53) && params.flag("with_servers")?.unwrap_or(false);
    let page = if cx.version.since(2, 33) { params.page(MAX)? } else { Default::default() };
    let id = |h: &Arc<ComputeHost>| if cx.version.since(2, 53) { h.hypervisor_id.clone() } else { h.number.to_string() };
    let hosts: Vec<(String, Arc<ComputeHost>)> = matching(c, cx, params)?.into_iter().map(|h| (id(&h), h)).collect();
    let bad_marker = || Error::bad_request(format!("Marker {} not found", page.marker.clone().unwrap_or_default()));
    let found = page.cut(hosts, |(id, _)| id).ok_or_else(bad_marker)?;
    let view = c.store.snapshot();
    let row = |(_, h): &(String, Arc<ComputeHost>)| {
        if detail {
            return full(c, cx, &view, h, with_servers);
        }
        let mut out = brief(c, cx, h);
        if with_servers {
            out["servers"] = json!(servers_of(&view, h));
        }
        out
    };
    let mut out = json!({"hypervisors": found.items.iter().map(row).collect::<Vec<_>>()});
    if let Some((last, _)) = found.items.last().filter(|_| found.more) {
        out["hypervisors_links"] = json!([{"rel": "next", "href": http::next_link(base, path, params, last)}]);
    }
    Ok(http::ok(&out))
}

async fn index(State(c): State<Compute>, Cx(cx): Cx, base: BaseUrl, params: Params) -> ApiResult {
    let _permit = cx.authorize(&HYPERVISORS_LIST, &())?;
    list(&c, &cx, &base, &params, "/compute/v2.1/os-hypervisors", false).await
}

async fn detail(State(c): State<Compute>, Cx(cx): Cx, base: BaseUrl, params: Params) -> ApiResult {
    let _permit = cx.authorize(&HYPERVISORS_DETAIL, &())?;
    list(&c, &cx, &base, &params, "/compute/v2.1/os-hypervisors/detail", true).await
}

fn find(c: &Compute, id: &str) -> Result<Arc<ComputeHost>> {
    let found = c.store.snapshot().all::<ComputeHost>().find(|h| h.hypervisor_id == id || h.number.to_string() == id);
    found.ok_or_else(|| ComputeError::NoComputeHost(id.into()).into())
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    let _permit = cx.authorize(&HYPERVISORS_SHOW, &())?;
    let with_servers = cx.version.since(2, 53) && params.flag("with_servers")?.unwrap_or(false);
    let host = find(&c, &id)?;
    Ok(http::ok(&json!({"hypervisor": full(&c, &cx, &c.store.snapshot(), &host, with_servers)})))
}

async fn uptime(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    let _permit = cx.authorize(&HYPERVISORS_UPTIME, &())?;
    until(&cx, 87)?;
    let host = find(&c, &id)?;
    let mut out = brief(&c, &cx, &host);
    out["uptime"] = Value::Null;
    Ok(http::ok(&json!({"hypervisor": out})))
}

async fn statistics(State(c): State<Compute>, Cx(cx): Cx) -> ApiResult {
    let _permit = cx.authorize(&HYPERVISORS_STATISTICS, &())?;
    until(&cx, 87)?;
    let view = c.store.snapshot();
    let old = Ctx { version: kernel::Microversion::new(2, 87), ..cx };
    let rows: Vec<_> = view.all::<ComputeHost>().map(|h| full(&c, &old, &view, &h, false)).collect();
    let sum = |key: &str| rows.iter().filter_map(|r| r[key].as_u64()).sum::<u64>();
    let keys = [
        "vcpus", "vcpus_used", "memory_mb", "memory_mb_used", "free_ram_mb", "local_gb", "local_gb_used", "free_disk_gb", "disk_available_least",
        "running_vms", "current_workload",
    ];
    let mut out: serde_json::Map<_, _> = keys.iter().map(|k| ((*k).to_owned(), json!(sum(k)))).collect();
    out.insert("count".into(), json!(rows.len()));
    Ok(http::ok(&json!({"hypervisor_statistics": out})))
}

fn by_pattern(c: &Compute, pattern: &str) -> Result<Vec<Arc<ComputeHost>>> {
    let found: Vec<_> = c.store.snapshot().all::<ComputeHost>().filter(|h| h.name.contains(pattern)).collect();
    if found.is_empty() { Err(Error::not_found(format!("No hypervisor matching '{pattern}' could be found."))) } else { Ok(found) }
}

async fn search(State(c): State<Compute>, Cx(cx): Cx, Path(pattern): Path<String>) -> ApiResult {
    let _permit = cx.authorize(&HYPERVISORS_SEARCH, &())?;
    until(&cx, 52)?;
    let rows: Vec<_> = by_pattern(&c, &pattern)?.iter().map(|h| brief(&c, &cx, h)).collect();
    Ok(http::ok(&json!({"hypervisors": rows})))
}

async fn servers(State(c): State<Compute>, Cx(cx): Cx, Path(pattern): Path<String>) -> ApiResult {
    let _permit = cx.authorize(&HYPERVISORS_SERVERS, &())?;
    until(&cx, 52)?;
    let view = c.store.snapshot();
    let row = |h: &Arc<ComputeHost>| {
        let mut out = brief(&c, &cx, h);
        let servers = servers_of(&view, h);
        if !servers.is_empty() {
            out["servers"] = json!(servers);
        }
        out
    };
    Ok(http::ok(&json!({"hypervisors": by_pattern(&c, &pattern)?.iter().map(row).collect::<Vec<_>>()})))
}
