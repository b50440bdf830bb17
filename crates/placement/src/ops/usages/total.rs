use super::super::query;
use crate::{
    model::{Allocation, Resources},
    policy::TOTAL_USAGES,
};
use http::Params;
use kernel::{Ctx, Result};
use policy::{Authorize, target};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::Snapshot;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) consumers: u64,
    pub(crate) resources: Resources,
}

fn keys() -> Value {
    let text = || json!({"type": "string", "minLength": 1, "maxLength": 255});
    json!({
        "type": "object",
        "properties": {"project_id": text(), "user_id": text()},
        "required": ["project_id"],
        "additionalProperties": false,
    })
}

fn with_type() -> Value {
    let mut schema = keys();
    schema["properties"]["consumer_type"] =
        json!({"type": "string", "pattern": "^[A-Z0-9_]+$|^all|^unknown$", "minLength": 1, "maxLength": 255});
    schema
}

http::schema! {
    KEYS = (keys());
    KEYS_38 = (with_type());
}

/// What a project uses, by type of consumer.
pub(crate) fn total(cx: &Ctx, snapshot: &Snapshot, params: &Params) -> Result<BTreeMap<String, Usage>> {
    let project = params.get("project_id").unwrap_or_default();
    let _ = cx.authorize(&TOTAL_USAGES, &target! { "project_id" => project })?;
    query::check(if cx.version.since(1, 38) { &KEYS_38 } else { &KEYS }, params)?;
    let kind = params.get("consumer_type").filter(|kind| *kind != "all");
    let mut usages: BTreeMap<String, Usage> = BTreeMap::new();
    for allocation in snapshot.by(Allocation::BY_PROJECT, project) {
        let other_user = params.get("user_id").is_some_and(|user| allocation.user != *user);
        if other_user || kind.is_some_and(|kind| allocation.consumer_type != kind) {
            continue;
        }
        let usage = usages.entry(allocation.consumer_type.clone()).or_default();
        usage.consumers += 1;
        for (class, amount) in allocation.providers.values().flatten() {
            *usage.resources.entry(class.clone()).or_default() += amount;
        }
    }
    Ok(usages)
}
