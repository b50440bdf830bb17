//! What the service says of itself: extensions, zones, services, pools.

use super::VolumeCx;
use crate::{
    VolumeService, model::VolumePool, ops::volumes::create::zones, policy, pools::room_gib, service::authorize_own,
};
use http::{ApiResult, ApiRouter, BaseUrl, Params, State};
use serde_json::{Map, Value, json};

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new()
        .get("/v3/extensions", extensions)
        .get("/v3/os-availability-zone", availability_zones)
        .get("/v3/os-services", services)
        .get("/v3/scheduler-stats/get_pools", pools)
}

/// Adds the link to a list's next page, if there is one.
pub(super) fn add_next(out: &mut Value, key: &str, base: &BaseUrl, path: &str, params: &Params, marker: Option<&str>) {
    if let Some(marker) = marker {
        out[key] = json!([{"rel": "next", "href": http::next_link(base, path, params, marker)}]);
    }
}

/// What is served beyond the core, under the names that Cinder gave it.
const EXTENSIONS: &[(&str, &str, &str)] = &[
    ("AvailabilityZones", "os-availability-zone", "Describe Availability Zones."),
    ("ExtendedSnapshotAttributes", "os-extended-snapshot-attributes", "Extended SnapshotAttributes support."),
    ("Quotas", "os-quota-sets", "Quota management support."),
    ("QuotaClasses", "os-quota-class-sets", "Quota classes management support."),
    ("SchedulerHints", "OS-SCH-HNT", "Pass arbitrary key/value pairs to the scheduler."),
    ("Scheduler_stats", "scheduler-stats", "Scheduler stats support."),
    ("Services", "os-services", "Services support."),
    ("TypesExtraSpecs", "os-types-extra-specs", "Type extra specs support."),
    ("TypesManage", "os-types-manage", "Types manage support."),
    ("UsedLimits", "os-used-limits", "Provide data on limited resources that are being used."),
    ("VolumeActions", "os-volume-actions", "Enable volume actions."),
    ("VolumeHostAttribute", "os-vol-host-attr", "Expose host as an attribute of a volume."),
    ("VolumeImageMetadata", "os-vol-image-meta", "Show image metadata associated with the volume."),
    ("VolumeTenantAttribute", "os-vol-tenant-attr", "Expose the internal project_id as an attribute of a volume."),
];

async fn extensions(VolumeCx(_): VolumeCx) -> ApiResult {
    let one = |(name, alias, description): &(&str, &str, &str)| json!({"name": name, "alias": alias, "description": description, "updated": "2024-07-01T00:00:00+00:00", "links": []});
    Ok(http::ok(&json!({"extensions": EXTENSIONS.iter().map(one).collect::<Vec<_>>()})))
}

async fn availability_zones(State(service): State<VolumeService>, VolumeCx(_): VolumeCx) -> ApiResult {
    let zones: Vec<_> =
        zones(&service.view()).iter().map(|zone| json!({"zoneName": zone, "zoneState": {"available": true}})).collect();
    Ok(http::ok(&json!({"availabilityZoneInfo": zones})))
}

async fn services(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, params: Params) -> ApiResult {
    let _read = authorize_own(&cx, &policy::SERVICES)?;
    let now = cx.now().iso_micros();
    let mut rows = vec![row("cinder-scheduler", "tstack", "nova", true, &now)];
    let seen = service.0.hosts.hosts();
    for pool in service.view().all::<VolumePool>() {
        let host = seen.iter().find(|h| h.host == pool.host);
        let at = host.map_or_else(|| now.clone(), |h| h.last_seen.iso_micros());
        let name = format!("{}@{}", pool.host, pool.backend);
        rows.push(row("cinder-volume", &name, &pool.availability_zone, host.is_some_and(|h| h.connected), &at));
    }
    let wanted = |key: &str, row: &Value| params.get(key).is_none_or(|v| row[key] == *v);
    rows.retain(|row| wanted("binary", row) && wanted("host", row));
    Ok(http::ok(&json!({"services": rows})))
}

fn row(binary: &str, host: &str, zone: &str, up: bool, at: &str) -> Value {
    json!({
        "binary": binary, "host": host, "zone": zone, "status": "enabled", "state": if up { "up" } else { "down" },
        "updated_at": at, "disabled_reason": Value::Null,
    })
}

async fn pools(State(service): State<VolumeService>, VolumeCx(cx): VolumeCx, params: Params) -> ApiResult {
    let _read = authorize_own(&cx, &policy::POOLS)?;
    let (view, detail) = (service.view(), params.flag("detail")?.unwrap_or(false));
    let one = |pool: std::sync::Arc<VolumePool>| {
        let mut out = Map::from_iter([("name".to_owned(), json!(pool.name))]);
        if detail {
            let stats = &pool.stats;
            let gib = |mib: u64| (mib as f64 / 1024.0 * 100.0).round() / 100.0;
            let capabilities = json!({
                "volume_backend_name": pool.backend,
                "pool_name": stats.pool,
                "vendor_name": stats.vendor_name,
                "driver_version": stats.driver_version,
                "storage_protocol": stats.storage_protocol,
                "total_capacity_gb": gib(stats.total_mib),
                "free_capacity_gb": gib(stats.free_mib),
                "allocated_capacity_gb": stats.provisioned_gib,
                "thin_provisioning_support": stats.thin,
                "max_over_subscription_ratio": "20.0",
                "reserved_percentage": 0,
                "room_gb": room_gib(&view, &pool, None),
            });
            out.insert("capabilities".to_owned(), capabilities);
        }
        Value::Object(out)
    };
    Ok(http::ok(&json!({"pools": view.all::<VolumePool>().map(one).collect::<Vec<_>>()})))
}
