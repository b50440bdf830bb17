//! `/limits`

use super::quotas::shown;
use crate::{
    Compute,
    model::quota::QUOTAS,
    ops::quotas,
    policy::{LIMITS, LIMITS_OTHER},
};
use http::{ApiResult, ApiRouter, Cx, Params, State};
use policy::Authorize;
use serde_json::{Map, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new().get("/v2.1/limits", limits)
}

/// Nova's names in `/limits`, the resource, and whether usage is told too.
const ABSOLUTE: &[(&str, &str, Option<&str>)] = &[
    ("maxTotalInstances", "instances", Some("totalInstancesUsed")),
    ("maxTotalCores", "cores", Some("totalCoresUsed")),
    ("maxTotalRAMSize", "ram", Some("totalRAMUsed")),
    ("maxServerMeta", "metadata_items", None),
    ("maxTotalKeypairs", "key_pairs", None),
    ("maxServerGroups", "server_groups", Some("totalServerGroupsUsed")),
    ("maxServerGroupMembers", "server_group_members", None),
    ("maxTotalFloatingIps", "floating_ips", Some("totalFloatingIpsUsed")),
    ("maxSecurityGroups", "security_groups", Some("totalSecurityGroupsUsed")),
    ("maxSecurityGroupRules", "security_group_rules", None),
    ("maxPersonality", "injected_files", None),
    ("maxPersonalitySize", "injected_file_content_bytes", None),
];

async fn limits(State(c): State<Compute>, Cx(cx): Cx, params: Params) -> ApiResult {
    let project = match params.get("tenant_id") {
        Some(other) if cx.credentials.project().is_none_or(|p| p.as_str() != other) => {
            let _permit = cx.authorize(&LIMITS_OTHER, &())?;
            other.to_owned()
        }
        _ => cx.project()?.to_string(),
    };
    let _permit = cx.authorize(&LIMITS, &())?;
    let view = c.store.snapshot();
    let (limits, used) = (QUOTAS.limits(&view, &project), quotas::used(&view, &project));
    let mut absolute = Map::new();
    for (name, resource, usage) in ABSOLUTE.iter().filter(|(_, resource, _)| shown(&cx, resource)) {
        absolute.insert((*name).into(), json!(limits.get(*resource).copied().unwrap_or(-1)));
        if let Some(usage) = usage {
            absolute.insert((*usage).into(), json!(used.get(*resource).copied().unwrap_or(0)));
        }
    }
    if cx.version.until(2, 38) {
        absolute.insert("maxImageMeta".into(), json!(limits.get("metadata_items").copied().unwrap_or(-1)));
    }
    Ok(http::ok(&json!({"limits": {"rate": [], "absolute": absolute}})))
}
