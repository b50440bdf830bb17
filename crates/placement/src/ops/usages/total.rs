use super::super::query;
use crate::{
    model::{Allocation, Resources},
    policy::TOTAL_USAGES,
};
use http::Params;
use kernel::{Ctx, Result};
use policy::{Authorize, target};
use std::collections::BTreeMap;
use store::Snapshot;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) consumers: u64,
    pub(crate) resources: Resources,
}

const KEYS: &[(&str, u16)] = &[("project_id", 9), ("user_id", 9), ("consumer_type", 38)];

/// What a project uses, by type of consumer.
pub(crate) fn total(cx: &Ctx, snapshot: &Snapshot, params: &Params) -> Result<BTreeMap<String, Usage>> {
    query::only(params, KEYS, cx.version)?;
    let missing = || query::bad("Invalid query string parameters: 'project_id' is a required property".into());
    let project = params.get("project_id").ok_or_else(missing)?;
    let _ = cx.authorize(&TOTAL_USAGES, &target! { "project_id" => project })?;
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
