//! Objects as clients of each microversion see them.

use super::PREFIX;
use crate::{
    model::{Allocation, Provider, RESOURCE_CLASSES, Resources},
    ops::{candidates::Candidates, usages::Usage},
};
use kernel::Microversion;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};
use store::Snapshot;

fn link(rel: &str, href: String) -> Value {
    http::link(rel, href)
}

pub(super) fn provider(p: &Provider, v: Microversion) -> Value {
    let base = format!("{PREFIX}/resource_providers/{}", p.id);
    let mut links = vec![link("self", base.clone())];
    let all = [("inventories", 0), ("usages", 0), ("aggregates", 1), ("traits", 6), ("allocations", 11)];
    let known = all.into_iter().filter(|(_, since)| v.since(1, *since));
    links.extend(known.map(|(rel, _)| link(rel, format!("{base}/{rel}"))));
    let mut view = json!({"uuid": p.id, "name": p.name, "generation": p.generation, "links": links});
    if v.since(1, 14) {
        view["parent_provider_uuid"] = json!(p.parent);
        view["root_provider_uuid"] = json!(p.parent.as_ref().unwrap_or(&p.id));
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

pub(super) fn candidates(found: &Candidates, v: Microversion) -> Value {
    let requests: Vec<_> = found.providers.iter().map(|p| candidate(p, &found.resources, v)).collect();
    let summaries: Map<_, _> =
        found.providers.iter().map(|p| (p.id.to_string(), summary(p, &found.resources, v))).collect();
    json!({"allocation_requests": requests, "provider_summaries": summaries})
}

fn candidate(p: &Provider, resources: &Resources, v: Microversion) -> Value {
    if !v.since(1, 12) {
        return json!({"allocations": [{"resource_provider": {"uuid": p.id}, "resources": resources}]});
    }
    let mut view = json!({"allocations": {p.id.as_str(): {"resources": resources}}});
    if v.since(1, 34) {
        view["mappings"] = json!({"": [p.id]});
    }
    view
}

fn summary(p: &Provider, asked: &Resources, v: Microversion) -> Value {
    let shown = |class: &&&str| p.inventories.contains_key(**class) && (v.since(1, 27) || asked.contains_key(**class));
    let resource = |class: &&str| ((*class).to_owned(), json!({"capacity": p.capacity(class), "used": p.used(class)}));
    let resources: Map<_, _> = RESOURCE_CLASSES.iter().filter(shown).map(resource).collect();
    let mut view = json!({"resources": resources});
    if v.since(1, 17) {
        view["traits"] = json!(p.traits);
    }
    if v.since(1, 29) {
        view["parent_provider_uuid"] = json!(p.parent);
        view["root_provider_uuid"] = json!(p.parent.as_ref().unwrap_or(&p.id));
    }
    view
}
