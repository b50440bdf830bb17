//! `/v3/os-services`, `/v3/os-hosts`, `/v3/capabilities` and `/v3/scheduler-stats/get_pools`: what runs where.

use super::{VolumeCx, since};
use crate::{
    VolumeService,
    model::{ServiceState, Snapshot, Volume, VolumePool},
    ops::services::{self, ServiceRow},
    policy,
    pools::{promised_gib, room_gib},
    service::authorize_own,
};
use http::{ApiResult, ApiRouter, JsonBody, Params, Path, State};
use kernel::Error;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};
use store::Snapshot as View;

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/os-services", index)
        .put("/v3/os-services/enable", async |s, c, b| update(s, c, b, "enable").await)
        .put("/v3/os-services/disable", async |s, c, b| update(s, c, b, "disable").await)
        .put("/v3/os-services/disable-log-reason", async |s, c, b| update(s, c, b, "disable-log-reason").await)
        .put("/v3/os-services/freeze", async |s, c, b| update(s, c, b, "freeze").await)
        .put("/v3/os-services/thaw", async |s, c, b| update(s, c, b, "thaw").await)
        .put("/v3/os-services/failover_host", async |s, c, b| update(s, c, b, "failover_host").await)
        .put("/v3/os-services/get-log", async |s, c, b| update(s, c, b, "get-log").await)
        .put("/v3/os-services/set-log", async |s, c, b| update(s, c, b, "set-log").await)
        .get("/v3/os-hosts", hosts)
        .get("/v3/os-hosts/{id}", host)
        .put("/v3/os-hosts/{id}", put_host)
        .get("/v3/capabilities/{id}", capabilities)
        .get("/v3/scheduler-stats/get_pools", pools)
}

async fn index(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, params: Params) -> ApiResult {
    let mut rows = services::list(&service, &cx, &policy::SERVICES)?;
    let wanted = |key: &str, value: &str| params.get(key).is_none_or(|v| value == v);
    // A host without its back end means all of them.
    let on_host = |host: &str| wanted("host", host) || wanted("host", host.split('@').next().unwrap_or_default());
    rows.retain(|r| wanted("binary", r.binary) && on_host(&r.host));
    let shown: Vec<_> = rows.iter().map(|r| row(&cx, r)).collect();
    Ok(http::ok(&json!({"services": shown})))
}

fn enabled(state: &ServiceState) -> &'static str {
    if state.disabled { "disabled" } else { "enabled" }
}

fn row(cx: &kernel::Ctx, r: &ServiceRow) -> Value {
    let mut out = json!({
        "binary": r.binary,
        "host": r.host,
        "zone": r.zone,
        "status": enabled(&r.state),
        "state": if r.up { "up" } else { "down" },
        "updated_at": r.at.iso_micros(),
        "disabled_reason": r.state.reason,
    });
    if r.binary == "cinder-volume" {
        out["replication_status"] = json!("disabled");
        out["active_backend_id"] = Value::Null;
        out["frozen"] = json!(r.state.frozen);
        if cx.version.since(3, 49) {
            out["backend_state"] = json!(if r.up { "up" } else { "down" });
        }
    }
    if cx.version.since(3, 7) {
        out["cluster"] = Value::Null;
    }
    out
}

http::schema! {
    STATUS = {
        "type": "object",
        "properties": {
            "host": {"type": "string", "minLength": 1, "maxLength": 255},
            "cluster": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
            "service": {"type": "string", "minLength": 1, "maxLength": 255},
            "binary": {"type": "string", "minLength": 1, "maxLength": 255},
            "disabled_reason": {"type": "string", "minLength": 1, "maxLength": 255},
            "backend_id": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
        },
    }
}

async fn update(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    body: JsonBody,
    action: &'static str,
) -> ApiResult {
    let _permitted = authorize_own(&cx, services::rule_of(action))?;
    let body: Value = body.read(&STATUS)?;
    match action {
        "freeze" | "thaw" => freeze(&service, &cx, action, &body).await,
        "failover_host" => {
            let host = body["host"].as_str().unwrap_or_default();
            Err(Error::bad_request(format!("Invalid input received: back end {host} has no replica to go over to"))
                .into())
        }
        "get-log" | "set-log" => {
            since(&cx, 32)?;
            Err(Error::bad_request("Invalid input received: log levels are set by the configuration of each node")
                .into())
        }
        _ => switch(&service, &cx, action, &body).await,
    }
}

async fn switch(service: &VolumeService, cx: &kernel::Ctx, action: &str, body: &Value) -> ApiResult {
    let text = |key: &str| body[key].as_str().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let host = text("host").ok_or_else(|| Error::bad_request("Missing required element 'host' in request body."))?;
    let binary = text("binary").or_else(|| text("service")).unwrap_or_default();
    if binary.is_empty() {
        return Err(Error::bad_request("Missing required element 'service' or 'binary' in request body.").into());
    }
    let reason = text("disabled_reason");
    if action == "disable-log-reason" && reason.is_none() {
        return Err(Error::bad_request("Missing required element 'disabled_reason' in request body.").into());
    }
    let disabled = action != "enable";
    let (why, absent) = (reason.clone(), Error::not_found("Unknown service"));
    let edit = move |state: &mut ServiceState| (state.disabled, state.reason) = (disabled, why.clone());
    let wanted = |r: &ServiceRow| r.host == host && r.binary == binary;
    services::set(service, cx, &policy::SERVICES_UPDATE, wanted, absent, edit).await?;
    let mut out = json!({
        "host": host, "service": binary, "binary": binary, "disabled": disabled,
        "status": if disabled { "disabled" } else { "enabled" },
    });
    if action != "disable" {
        out["disabled_reason"] = json!(reason);
    }
    Ok(http::ok(&out))
}

async fn freeze(service: &VolumeService, cx: &kernel::Ctx, action: &str, body: &Value) -> ApiResult {
    let host = body["host"].as_str().unwrap_or_default().to_owned();
    let (on, absent) = (action == "freeze", Error::bad_request(format!("No service found with host={host}")));
    let wanted = |r: &ServiceRow| r.host == host && r.binary == "cinder-volume";
    services::set(service, cx, services::rule_of(action), wanted, absent, move |s| s.frozen = on).await?;
    Ok(http::done())
}

async fn hosts(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, params: Params) -> ApiResult {
    let mut rows = services::list(&service, &cx, &policy::HOSTS)?;
    rows.retain(|r| {
        params.get("zone").is_none_or(|z| r.zone == z) && params.get("service").is_none_or(|s| r.binary == s)
    });
    let one = |r: &ServiceRow| {
        json!({
            "host_name": r.host,
            "service": r.binary,
            "zone": r.zone,
            "service-status": if r.up { "available" } else { "unavailable" },
            "service-state": enabled(&r.state),
            "last-update": r.at.iso_micros(),
        })
    };
    Ok(http::ok(&json!({"hosts": rows.iter().map(one).collect::<Vec<_>>()})))
}

/// Count and GiB.
type Load = (u64, u64);

/// What projects have on a back end: volumes and snapshots.
fn loads(view: &View, host: &str) -> BTreeMap<String, (Load, Load)> {
    let here = |pool: &Option<String>| pool.as_deref().is_some_and(|p| p.split('#').next() == Some(host));
    let mut found: BTreeMap<String, (Load, Load)> = BTreeMap::new();
    for volume in view.all::<Volume>().filter(|v| here(&v.pool)) {
        let (volumes, snapshots) = found.entry(volume.project.to_string()).or_default();
        *volumes = (volumes.0 + 1, volumes.1 + volume.size_gib);
        for snapshot in view.by(Snapshot::BY_VOLUME, &volume.id) {
            *snapshots = (snapshots.0 + 1, snapshots.1 + snapshot.size_gib);
        }
    }
    found
}

async fn host(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, Path(id): Path<String>) -> ApiResult {
    let rows = services::list(&service, &cx, &policy::HOSTS)?;
    if !rows.iter().any(|r| r.host == id && r.binary == "cinder-volume") {
        return Err(Error::not_found(format!("Host {id} could not be found.")).into());
    }
    let loads = loads(&service.view(), &id);
    let total = loads
        .values()
        .fold(((0, 0), (0, 0)), |(v, s): (Load, Load), l| ((v.0 + l.0.0, v.1 + l.0.1), (s.0 + l.1.0, s.1 + l.1.1)));
    let one = |project: &str, (volumes, snapshots): &(Load, Load)| {
        json!({"resource": {
            "host": id, "project": project,
            "volume_count": volumes.0.to_string(), "total_volume_gb": volumes.1.to_string(),
            "snapshot_count": snapshots.0.to_string(), "total_snapshot_gb": snapshots.1.to_string(),
        }})
    };
    let mut out = vec![one("(total)", &total)];
    out.extend(loads.iter().map(|(project, load)| one(project, load)));
    Ok(http::ok(&json!({"host": out})))
}

async fn put_host(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> ApiResult {
    let status = body["status"].as_str().map(|s| s.trim().to_lowercase());
    let disabled = match status.as_deref() {
        Some("enable") => false,
        Some("disable") => true,
        _ => return Err(Error::bad_request(format!("Invalid status: '{}'", body["status"])).into()),
    };
    let absent = Error::not_found(format!("Host {id} could not be found."));
    let wanted = |r: &ServiceRow| r.host == id;
    services::set(&service, &cx, &policy::HOSTS, wanted, absent, move |s| s.disabled = disabled).await?;
    Ok(http::ok(&json!({"host": id, "status": if disabled { "disabled" } else { "enabled" }})))
}

async fn capabilities(
    State(service): State<VolumeService>,
    VolumeCx(cx): VolumeCx,
    Path(id): Path<String>,
) -> ApiResult {
    let _read = authorize_own(&cx, &policy::CAPABILITIES)?;
    let wanted = |p: &Arc<VolumePool>| id == p.name || id == format!("{}@{}", p.host, p.backend);
    let pool = service.view().all::<VolumePool>().find(wanted);
    let pool =
        pool.ok_or_else(|| Error::not_found(format!("Service cinder-volume could not be found on host {id}.")))?;
    Ok(http::ok(&json!({
        "namespace": format!("OS::Storage::Capabilities::{id}"),
        "vendor_name": pool.stats.vendor_name,
        "volume_backend_name": pool.backend,
        "pool_name": pool.stats.pool,
        "driver_version": pool.stats.driver_version,
        "storage_protocol": pool.stats.storage_protocol,
        "display_name": Value::Null,
        "description": Value::Null,
        "visibility": Value::Null,
        "replication_targets": [],
        "properties": {
            "thin_provisioning": {"title": "Thin Provisioning", "description": "Sets thin provisioning.", "type": "boolean"},
            "compression": {"title": "Compression", "description": "Enables compression.", "type": "boolean"},
            "qos": {"title": "QoS", "description": "Enables QoS.", "type": "boolean"},
            "replication_enabled": {"title": "Replication", "description": "Enables replication.", "type": "boolean"},
        },
    })))
}

async fn pools(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, params: Params) -> ApiResult {
    let _read = authorize_own(&cx, &policy::POOLS)?;
    let (view, detail) = (service.view(), params.flag("detail")?.unwrap_or(false));
    let wanted = |p: &Arc<VolumePool>| {
        let name = params.get("name").filter(|_| cx.version.since(3, 28));
        name.is_none_or(|n| p.name == n)
    };
    let one = |pool: Arc<VolumePool>| {
        let mut out = Map::from_iter([("name".to_owned(), json!(pool.name))]);
        if detail {
            out.insert("capabilities".to_owned(), pool_capabilities(&view, &pool, &cx.now().iso_micros()));
        }
        Value::Object(out)
    };
    Ok(http::ok(&json!({"pools": view.all::<VolumePool>().filter(wanted).map(one).collect::<Vec<_>>()})))
}

fn pool_capabilities(view: &View, pool: &VolumePool, now: &str) -> Value {
    let (stats, promised) = (&pool.stats, promised_gib(view, pool));
    let gib = |mib: u64| (mib as f64 / 1024.0 * 100.0).round() / 100.0;
    json!({
        "volume_backend_name": pool.backend,
        "pool_name": stats.pool,
        "vendor_name": stats.vendor_name,
        "driver_version": stats.driver_version,
        "storage_protocol": stats.storage_protocol,
        "total_capacity_gb": gib(stats.total_mib),
        "free_capacity_gb": gib(stats.free_mib),
        "allocated_capacity_gb": promised,
        "provisioned_capacity_gb": promised,
        "thin_provisioning_support": stats.thin,
        "thick_provisioning_support": !stats.thin,
        "multiattach": true,
        "online_extend_support": true,
        "QoS_support": true,
        "max_over_subscription_ratio": "20.0",
        "reserved_percentage": 0,
        "location_info": format!("{}:{}", pool.host, pool.backend),
        "room_gb": room_gib(view, pool, None),
        "compression_ratio": stats.compression_percent.map(|percent| percent as f64 / 100.0),
        "timestamp": now,
    })
}
