//! `/os-availability-zone`

use crate::{
    Compute,
    ops::zones::{self, Zone},
};
use http::{ApiResult, ApiRouter, Cx, State, ok};
use serde_json::{Map, Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new().get("/v2.1/os-availability-zone", list).get("/v2.1/os-availability-zone/detail", detail)
}

async fn list(State(c): State<Compute>, Cx(cx): Cx) -> ApiResult {
    let zones = zones::list(&c, &cx, false).await?;
    let view = |(name, zone): (&String, &Zone)| json!({"zoneName": name, "zoneState": {"available": zone.available}, "hosts": null});
    Ok(ok(&json!({"availabilityZoneInfo": zones.iter().map(view).collect::<Vec<_>>()})))
}

async fn detail(State(c): State<Compute>, Cx(cx): Cx) -> ApiResult {
    let zones = zones::list(&c, &cx, true).await?;
    let alive = c.alive();
    let hosts = |zone: &Zone| -> Map<String, Value> {
        let service = |h: &crate::model::ComputeHost| {
            let up = alive.contains(&h.name) && !h.forced_down;
            json!({"nova-compute": {"available": up, "active": !h.disabled, "updated_at": h.updated.iso_micros()}})
        };
        zone.hosts.iter().map(|h| (h.name.to_string(), service(h))).collect()
    };
    let view = |(name, zone): (&String, &Zone)| json!({"zoneName": name, "zoneState": {"available": zone.available}, "hosts": hosts(zone)});
    Ok(ok(&json!({"availabilityZoneInfo": zones.iter().map(view).collect::<Vec<_>>()})))
}
