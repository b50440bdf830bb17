//! Objects as clients of each microversion see them.

use super::PREFIX;
use crate::{
    candidates::{Candidate, Summary},
    model::{self, Allocation, Inventory, Provider, Resources},
    ops::{candidates::Listed, usages::Usage},
};
use kernel::Microversion;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use store::Snapshot;

fn link(rel: &str, href: String) -> Value {
    http::link(rel, href)
}

pub(super) fn provider(snapshot: &Snapshot, p: &Provider, v: Microversion) -> Value {
    let base = format!("{PREFIX}/resource_providers/{}", p.id);
    let mut links = vec![link("self", base.clone())];
    let all = [("inventories", 0), ("usages", 0), ("aggregates", 1), ("traits", 6), ("allocations", 11)];
    let known = all.into_iter().filter(|(_, since)| v.since(1, *since));
    links.extend(known.map(|(rel, _)| link(rel, format!("{base}/{rel}"))));
    let mut view = json!({"uuid": p.id, "name": p.name, "generation": p.generation, "links": links});
    if v.since(1, 14) {
        view["parent_provider_uuid"] = json!(p.parent);
        view["root_provider_uuid"] = json!(model::root(snapshot, p));
    }
    view
}

/// What is used of each class there is, zeros included.
pub(super) fn provider_usages(p: &Provider) -> Value {
    let usages: Resources = p.inventories.keys().map(|class| (class.clone(), p.used(class))).collect();
    json!({"resource_provider_generation": p.generation, "usages": usages})
}

pub(super) fn provider_allocations(p: &Provider, found: &[Arc<Allocation>], v: Microversion) -> Value {
    let mut allocations = Map::new();
    for allocation in found {
        let mut view = json!({"resources": allocation.providers.get(&p.id)});
        if v.since(1, 28) {
            view["consumer_generation"] = allocation.generation.into();
        }
        allocations.insert(allocation.consumer.clone(), view);
    }
    json!({"resource_provider_generation": p.generation, "allocations": allocations})
}

pub(super) fn allocation(snapshot: &Snapshot, found: Option<&Allocation>, v: Microversion) -> Value {
    let mut view = json!({"allocations": {}});
    let Some(found) = found else { return view };
    for (id, resources) in &found.providers {
        let generation = snapshot.get::<Provider>(id).map_or(0, |p| p.generation);
        view["allocations"][id.as_str()] = json!({"generation": generation, "resources": resources});
    }
    if v.since(1, 12) {
        view["project_id"] = json!(found.project);
        view["user_id"] = json!(found.user);
    }
    if v.since(1, 28) {
        view["consumer_generation"] = found.generation.into();
    }
    if v.since(1, 38) {
        view["consumer_type"] = json!(found.consumer_type);
    }
    view
}

/// From 1.38 on by type of consumer, or under `all` if the client asks for that.
pub(super) fn usages(found: &BTreeMap<String, Usage>, kind: Option<&str>, v: Microversion) -> Value {
    if v.since(1, 38) && kind != Some("all") {
        let by_type = found.iter().map(|(kind, usage)| (kind.clone(), with_count(usage)));
        return json!({"usages": by_type.collect::<Map<_, _>>()});
    }
    let mut all = Usage::default();
    for usage in found.values() {
        all.consumers += usage.consumers;
        for (class, amount) in &usage.resources {
            *all.resources.entry(class.clone()).or_default() += amount;
        }
    }
    if v.since(1, 38) { json!({"usages": {"all": with_count(&all)}}) } else { json!({"usages": all.resources}) }
}

fn with_count(usage: &Usage) -> Value {
    let mut view = json!(usage.resources);
    view["consumer_count"] = usage.consumers.into();
    view
}

pub(super) fn class(name: &str) -> Value {
    json!({"name": name, "links": [link("self", format!("{PREFIX}/resource_classes/{name}"))]})
}

pub(super) fn inventories(p: &Provider) -> Value {
    json!({"resource_provider_generation": p.generation, "inventories": p.inventories})
}

pub(super) fn inventory(p: &Provider, inventory: &Inventory) -> Value {
    let mut view = json!(inventory);
    view["resource_provider_generation"] = p.generation.into();
    view
}

pub(super) fn aggregates<'a>(p: &Provider, list: impl IntoIterator<Item = &'a String>, v: Microversion) -> Value {
    let mut view = json!({"aggregates": list.into_iter().collect::<Vec<_>>()});
    if v.since(1, 19) {
        view["resource_provider_generation"] = p.generation.into();
    }
    view
}

pub(super) fn traits(p: &Provider) -> Value {
    json!({"traits": p.traits, "resource_provider_generation": p.generation})
}

pub(super) fn candidates(listed: &Listed, v: Microversion) -> Value {
    let requests: Vec<_> = listed.found.requests.iter().map(|c| candidate(c, v)).collect();
    let summaries = listed.found.summaries.iter().map(|s| (s.provider.id.to_string(), summary(s, &listed.classes, v)));
    json!({"allocation_requests": requests, "provider_summaries": summaries.collect::<Map<_, _>>()})
}

fn candidate(candidate: &Candidate, v: Microversion) -> Value {
    let parts = candidate.allocations.iter();
    if !v.since(1, 12) {
        let list = parts.map(|(id, resources)| json!({"resource_provider": {"uuid": id}, "resources": resources}));
        return json!({"allocations": list.collect::<Vec<_>>()});
    }
    let keyed = parts.map(|(id, resources)| (id.to_string(), json!({"resources": resources})));
    let mut view = json!({"allocations": keyed.collect::<Map<_, _>>()});
    if v.since(1, 34) {
        view["mappings"] = json!(candidate.mappings);
    }
    view
}

/// Up to 1.26 only what was asked for.
fn summary(summary: &Summary, asked: &BTreeSet<String>, v: Microversion) -> Value {
    let p = &summary.provider;
    let shown = p.inventories.iter().filter(|(class, _)| v.since(1, 27) || asked.contains(*class));
    let resources = shown.map(|(class, i)| (class.clone(), json!({"capacity": i.capacity(), "used": p.used(class)})));
    let mut view = json!({"resources": resources.collect::<Map<_, _>>()});
    if v.since(1, 17) {
        // Standard ones first, as placement's database has them.
        let (custom, standard): (Vec<_>, Vec<_>) = p.traits.iter().partition(|name| model::is_custom(name));
        view["traits"] = json!([standard, custom].concat());
    }
    if v.since(1, 29) {
        view["parent_provider_uuid"] = json!(p.parent);
        view["root_provider_uuid"] = json!(summary.root);
    }
    view
}
