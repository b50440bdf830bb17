//! `/os-hosts`, until 2.42: compute hosts, as they were shown before hypervisors and services were.

use super::{
    check_query, checked,
    schema::{by_version, object, query, words},
    until,
};
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::{ComputeHost, Server, aggregate::zone_of},
    ops::services::{self, Change, Which},
    policy::{HOSTS_LIST, HOSTS_REBOOT, HOSTS_SHOW, HOSTS_SHUTDOWN, HOSTS_START, HOSTS_UPDATE},
};
use http::{ApiResult, ApiRouter, Cx, JsonBody, Params, Path, State, ok};
use kernel::{Ctx, Error, Result};
use policy::{Authorize, Rule};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use store::Snapshot;

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/os-hosts", list)
        .get("/v2.1/os-hosts/{host}", show)
        .put("/v2.1/os-hosts/{host}", update)
        .get("/v2.1/os-hosts/{host}/startup", startup)
        .get("/v2.1/os-hosts/{host}/shutdown", shutdown)
        .get("/v2.1/os-hosts/{host}/reboot", reboot)
}

by_version! {
    LIST = list_schema: 1;
    UPDATE = update_schema: 1;
}

fn list_schema(_: u16) -> Value {
    query(json!({"zone": words()}), true)
}

fn update_schema(_: u16) -> Value {
    let word = || json!({"type": "string", "enum": ["enable", "Enable", "ENABLE", "disable", "Disable", "DISABLE"]});
    let mut body = object(json!({"status": word(), "maintenance_mode": word()}), &[]);
    body["anyOf"] = json!([{"required": ["status"]}, {"required": ["maintenance_mode"]}]);
    body
}

fn allowed(cx: &Ctx, rule: &'static Rule) -> Result<()> {
    until(cx, 42)?;
    cx.authorize(rule, &()).map(drop)
}

fn find(snapshot: &Snapshot, host: &str) -> Result<Arc<ComputeHost>> {
    snapshot.get::<ComputeHost>(host).ok_or_else(|| ComputeError::NoComputeHost(host.into()).into())
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, params: Params) -> ApiResult {
    allowed(&cx, &HOSTS_LIST)?;
    check_query(&cx, &params, LIST)?;
    let snapshot = c.store.read().await?;
    let wanted = params.get("zone").filter(|zone| !zone.is_empty());
    let hosts = snapshot.all::<ComputeHost>().filter(|h| !h.disabled).map(|h| {
        let zone = zone_of(&snapshot, &h);
        (h.name.clone(), zone)
    });
    let shown = hosts.filter(|(_, zone)| wanted.is_none_or(|wanted| wanted == zone));
    let views: Vec<_> =
        shown.map(|(name, zone)| json!({"host_name": name, "service": "compute", "zone": zone})).collect();
    Ok(ok(&json!({"hosts": views})))
}

/// What it has, what is taken, and what each project's servers are of.
async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(name): Path<String>) -> ApiResult {
    allowed(&cx, &HOSTS_SHOW)?;
    let snapshot = c.store.read().await?;
    let host = find(&snapshot, &name)?;
    let line = |project: &str, cpu: u64, memory: u64, disk: u64| json!({"resource": {"host": name, "project": project, "cpu": cpu, "memory_mb": memory, "disk_gb": disk}});
    let used = c.placer.used(&snapshot, &host.name);
    let of = |class: &str| used.get(class).copied().unwrap_or(0);
    let has = &host.capabilities;
    let mut projects: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for server in snapshot.by(Server::BY_HOST, &host.name) {
        let f = &server.flavor;
        let sums = projects.entry(server.project.to_string()).or_default();
        let amounts = [u64::from(f.vcpus), f.ram_mib, f.disk_gib + f.ephemeral_gib];
        sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
    }
    let most = |at: usize| projects.values().map(|sums| sums[at]).sum();
    let mut lines = vec![
        line("(total)", u64::from(has.vcpus), has.memory_mib, has.disk_gib),
        line("(used_now)", of("VCPU"), of("MEMORY_MB"), of("DISK_GB")),
        line("(used_max)", most(0), most(1), most(2)),
    ];
    lines.extend(projects.iter().map(|(project, [cpu, memory, disk])| line(project, *cpu, *memory, *disk)));
    Ok(ok(&json!({"host": lines})))
}

async fn update(State(c): State<Compute>, Cx(cx): Cx, Path(name): Path<String>, body: JsonBody) -> ApiResult {
    allowed(&cx, &HOSTS_UPDATE)?;
    let body: Value = checked(&cx, body, UPDATE)?;
    find(&c.store.read().await?, &name)?;
    let on = |key: &str| body[key].as_str().map(|word| word.trim().eq_ignore_ascii_case("enable"));
    if on("maintenance_mode").is_some() {
        return Err(unsupported().into());
    }
    let enabled = on("status").ok_or_else(|| invalid("status is missing"))?;
    let which = Which::Host { host: name.clone(), binary: services::BINARY.into() };
    services::update(&c, &cx, which, Change { disabled: Some(!enabled), ..Change::default() }).await?;
    Ok(ok(&json!({"host": name, "status": if enabled { "enabled" } else { "disabled" }})))
}

/// As with Nova's libvirt: hosts are not switched on and off by an API.
async fn power(c: &Compute, cx: &Ctx, name: &str, rule: &'static Rule) -> ApiResult {
    allowed(cx, rule)?;
    find(&c.store.read().await?, name)?;
    Err(unsupported().into())
}

fn unsupported() -> Error {
    Error::not_implemented("The requested functionality is not supported.")
}

async fn startup(State(c): State<Compute>, Cx(cx): Cx, Path(name): Path<String>) -> ApiResult {
    power(&c, &cx, &name, &HOSTS_START).await
}

async fn shutdown(State(c): State<Compute>, Cx(cx): Cx, Path(name): Path<String>) -> ApiResult {
    power(&c, &cx, &name, &HOSTS_SHUTDOWN).await
}

async fn reboot(State(c): State<Compute>, Cx(cx): Cx, Path(name): Path<String>) -> ApiResult {
    power(&c, &cx, &name, &HOSTS_REBOOT).await
}
