//! `/os-hypervisors`

use super::{
    check_query, path_of,
    schema::{by_version, paging, query, values, words},
    until, with_next,
};
use crate::{
    Compute,
    ops::hypervisors::{self, For, Hypervisor},
};
use http::{ApiResult, ApiRouter, BaseUrl, Cx, Params, Path, State, ok};
use kernel::Ctx;
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .get("/v2.1/os-hypervisors", list)
        .get("/v2.1/os-hypervisors/detail", detail)
        .get("/v2.1/os-hypervisors/statistics", statistics)
        .get("/v2.1/os-hypervisors/{hypervisor_id}", show)
        .get("/v2.1/os-hypervisors/{hypervisor_id}/uptime", uptime)
        .get("/v2.1/os-hypervisors/{hypervisor_id}/search", search)
        .get("/v2.1/os-hypervisors/{hypervisor_id}/servers", servers)
}

by_version! {
    LIST = list_schema: 33, 53, 75;
    SHOW = show_schema: 53, 75;
}

fn list_schema(minor: u16) -> Value {
    let mut properties = json!({});
    paging(&mut properties);
    if minor >= 53 {
        properties["hypervisor_hostname_pattern"] = values(json!({"type": "string", "minLength": 1}));
        properties["with_servers"] = words();
    }
    query(properties, minor < 75)
}

fn show_schema(minor: u16) -> Value {
    query(json!({"with_servers": words()}), minor < 75)
}

fn brief(cx: &Ctx, h: &Hypervisor) -> Value {
    let mut view = json!({
        "hypervisor_hostname": h.host.name,
        "state": if h.up { "up" } else { "down" },
        "status": if h.host.disabled { "disabled" } else { "enabled" },
    });
    view["id"] = if cx.version.since(2, 53) { json!(h.host.hypervisor_id) } else { h.host.number.into() };
    if let Some(servers) = h.servers.as_ref().filter(|s| !s.is_empty() || cx.version.since(2, 75)) {
        view["servers"] = servers.iter().map(|s| json!({"name": s.instance_name(), "uuid": s.id})).collect();
    }
    view
}

fn full(cx: &Ctx, h: &Hypervisor) -> Value {
    let (v, capabilities, mut view) = (cx.version, &h.host.capabilities, brief(cx, h));
    view["hypervisor_type"] = json!(capabilities.hypervisor_type);
    view["hypervisor_version"] = capabilities.hypervisor_version.into();
    view["host_ip"] = json!(h.host.address);
    let id = if v.since(2, 53) { json!(h.host.service_id) } else { h.host.number.into() };
    view["service"] = json!({"id": id, "host": h.host.name, "disabled_reason": h.host.disabled_reason});
    if v.since(2, 88) {
        view["uptime"] = json!(h.uptime(cx.now()));
        return view;
    }
    let numbers = Numbers::of(h);
    numbers.put(&mut view);
    view["disk_available_least"] = numbers.free_disk_gb.into();
    let processors = &capabilities.processors;
    let cpu = json!({
        "arch": capabilities.arch,
        "model": capabilities.cpu_model,
        "vendor": processors.vendor,
        "features": processors.features,
        "topology": {"cores": processors.cores, "threads": processors.threads, "sockets": processors.sockets},
    });
    view["cpu_info"] = if v.since(2, 28) { cpu } else { cpu.to_string().into() };
    view
}

/// What Nova counted of hypervisors until 2.87.
#[derive(Default)]
struct Numbers {
    vcpus: u64,
    vcpus_used: u64,
    memory_mb: u64,
    memory_mb_used: u64,
    local_gb: u64,
    local_gb_used: u64,
    free_disk_gb: i64,
    free_ram_mb: i64,
    running_vms: usize,
}

impl Numbers {
    fn of(h: &Hypervisor) -> Self {
        let capabilities = &h.host.capabilities;
        let used = |class: &str| h.used.get(class).copied().unwrap_or(0);
        let left = |all: u64, used: u64| i64::try_from(all).unwrap_or(0) - i64::try_from(used).unwrap_or(0);
        Self {
            vcpus: u64::from(capabilities.vcpus),
            vcpus_used: used("VCPU"),
            memory_mb: capabilities.memory_mib,
            memory_mb_used: used("MEMORY_MB"),
            local_gb: capabilities.disk_gib,
            local_gb_used: used("DISK_GB"),
            free_disk_gb: left(capabilities.disk_gib, used("DISK_GB")),
            free_ram_mb: left(capabilities.memory_mib, used("MEMORY_MB")),
            running_vms: h.running,
        }
    }

    fn add(mut self, other: Self) -> Self {
        self.vcpus += other.vcpus;
        self.vcpus_used += other.vcpus_used;
        self.memory_mb += other.memory_mb;
        self.memory_mb_used += other.memory_mb_used;
        self.local_gb += other.local_gb;
        self.local_gb_used += other.local_gb_used;
        self.free_disk_gb += other.free_disk_gb;
        self.free_ram_mb += other.free_ram_mb;
        self.running_vms += other.running_vms;
        self
    }

    fn put(&self, view: &mut Value) {
        view["vcpus"] = self.vcpus.into();
        view["vcpus_used"] = self.vcpus_used.into();
        view["memory_mb"] = self.memory_mb.into();
        view["memory_mb_used"] = self.memory_mb_used.into();
        view["local_gb"] = self.local_gb.into();
        view["local_gb_used"] = self.local_gb_used.into();
        view["free_disk_gb"] = self.free_disk_gb.into();
        view["free_ram_mb"] = self.free_ram_mb.into();
        view["running_vms"] = self.running_vms.into();
        view["current_workload"] = 0.into();
    }
}

async fn list(State(c): State<Compute>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    check_query(&cx, &params, LIST)?;
    let (found, more) = hypervisors::list(&c, &cx, &params, For::List).await?;
    let mut body = json!({"hypervisors": found.iter().map(|h| brief(&cx, h)).collect::<Vec<_>>()});
    next(&mut body, &cx, &found, more, &base, "os-hypervisors", &params);
    Ok(ok(&body))
}

async fn detail(State(c): State<Compute>, Cx(cx): Cx, params: Params, base: BaseUrl) -> ApiResult {
    check_query(&cx, &params, LIST)?;
    let (found, more) = hypervisors::list(&c, &cx, &params, For::Detail).await?;
    let mut body = json!({"hypervisors": found.iter().map(|h| full(&cx, h)).collect::<Vec<_>>()});
    next(&mut body, &cx, &found, more, &base, "os-hypervisors/detail", &params);
    Ok(ok(&body))
}

fn next(body: &mut Value, cx: &Ctx, found: &[Hypervisor], more: bool, base: &BaseUrl, path: &str, params: &Params) {
    let by_id = cx.version.since(2, 53);
    let last = found.last().filter(|_| more);
    let marker = last.map(|h| if by_id { h.host.hypervisor_id.clone() } else { h.host.number.to_string() });
    with_next(body, "hypervisors_links", base, &path_of(path), params, marker.as_deref());
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>, params: Params) -> ApiResult {
    check_query(&cx, &params, SHOW)?;
    let with_servers = cx.version.since(2, 53) && params.flag("with_servers")?.unwrap_or(false);
    let found = hypervisors::show(&c, &cx, &id, with_servers).await?;
    Ok(ok(&json!({"hypervisor": full(&cx, &found)})))
}

async fn statistics(State(c): State<Compute>, Cx(cx): Cx) -> ApiResult {
    until(&cx, 87)?;
    let found = hypervisors::statistics(&c, &cx).await?;
    let sum = found.iter().map(Numbers::of).fold(Numbers::default(), Numbers::add);
    let mut view = json!({"count": found.len(), "disk_available_least": sum.free_disk_gb});
    sum.put(&mut view);
    Ok(ok(&json!({"hypervisor_statistics": view})))
}

async fn uptime(State(c): State<Compute>, Cx(cx): Cx, Path(id): Path<String>) -> ApiResult {
    until(&cx, 87)?;
    let found = hypervisors::uptime(&c, &cx, &id).await?;
    let mut view = brief(&cx, &found);
    view["uptime"] = json!(found.uptime(cx.now()).unwrap_or_default());
    Ok(ok(&json!({"hypervisor": view})))
}

async fn search(State(c): State<Compute>, Cx(cx): Cx, Path(pattern): Path<String>) -> ApiResult {
    until(&cx, 52)?;
    let found = hypervisors::matching(&c, &cx, &pattern, For::Search).await?;
    Ok(ok(&json!({"hypervisors": found.iter().map(|h| brief(&cx, h)).collect::<Vec<_>>()})))
}

async fn servers(State(c): State<Compute>, Cx(cx): Cx, Path(pattern): Path<String>) -> ApiResult {
    until(&cx, 52)?;
    let found = hypervisors::matching(&c, &cx, &pattern, For::Servers).await?;
    Ok(ok(&json!({"hypervisors": found.iter().map(|h| brief(&cx, h)).collect::<Vec<_>>()})))
}
