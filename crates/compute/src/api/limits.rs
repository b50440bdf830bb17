//! `/limits`

use super::{
    check_query,
    schema::{by_version, query, words},
};
use crate::{Compute, ops::quotas};
use http::{ApiResult, ApiRouter, Cx, Params, State, ok};
use kernel::Microversion;
use serde_json::{Map, Value, json};

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new().get("/v2.1/limits", show)
}

by_version! { SHOW = show_schema: 1, 57, 75; }

fn show_schema(minor: u16) -> Value {
    query(json!({"tenant_id": words(), "reserved": words()}), minor < 75)
}

/// Name, resource, and the version that took it away (0: none has).
const MAXIMA: &[(&str, &str, u16)] = &[
    ("maxTotalInstances", "instances", 0),
    ("maxTotalCores", "cores", 0),
    ("maxTotalRAMSize", "ram", 0),
    ("maxTotalKeypairs", "key_pairs", 0),
    ("maxServerMeta", "metadata_items", 0),
    ("maxImageMeta", "metadata_items", 39),
    ("maxServerGroups", "server_groups", 0),
    ("maxServerGroupMembers", "server_group_members", 0),
    ("maxPersonality", "injected_files", 57),
    ("maxPersonalitySize", "injected_file_content_bytes", 57),
    ("maxTotalFloatingIps", "floating_ips", 36),
    ("maxSecurityGroups", "security_groups", 36),
    ("maxSecurityGroupRules", "security_group_rules", 36),
];

const USED: &[(&str, &str, u16)] = &[
    ("totalInstancesUsed", "instances", 0),
    ("totalCoresUsed", "cores", 0),
    ("totalRAMUsed", "ram", 0),
    ("totalServerGroupsUsed", "server_groups", 0),
    ("totalFloatingIpsUsed", "floating_ips", 36),
    ("totalSecurityGroupsUsed", "security_groups", 36),
];

fn shown(v: Microversion) -> impl Fn(&&(&'static str, &'static str, u16)) -> bool {
    move |(_, _, gone)| *gone == 0 || !v.since(2, *gone)
}

async fn show(State(c): State<Compute>, Cx(cx): Cx, params: Params) -> ApiResult {
    check_query(&cx, &params, SHOW)?;
    let quotas = quotas::limits(&c, &cx, params.get("tenant_id")).await?;
    let maxima = MAXIMA.iter().filter(shown(cx.version)).map(|(name, of, _)| (*name, quotas[*of].limit));
    let used = USED.iter().filter(shown(cx.version)).map(|(name, of, _)| (*name, quotas[*of].used));
    let absolute: Map<String, Value> = maxima.chain(used).map(|(name, n)| (name.to_owned(), n.into())).collect();
    Ok(ok(&json!({"limits": {"rate": [], "absolute": absolute}})))
}
