//! What a host must have. The order is from cheap to dear; the first refusal is the one told.

use super::{Asked, Host, cells::fit};
use crate::model::{HostCells, Inventory};
use kernel::conditions;

/// Why not this host.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// In words for the operator.
    pub why: String,
    /// What would have to be different for this host to pass, and how far that is: 0 to 1 within one filter.
    pub change: Option<(String, f64)>,
}

impl Refusal {
    fn of(why: impl Into<String>) -> Option<Self> {
        Some(Self { why: why.into(), change: None })
    }
    fn unless(why: String, change: impl Into<String>, distance: f64) -> Option<Self> {
        Some(Self { why, change: Some((change.into(), distance)) })
    }
}

pub struct Filter {
    pub name: &'static str,
    /// `None`: the host passes.
    pub refuses: fn(&Asked<'_>, Host<'_>) -> Option<Refusal>,
}

/// The name of the filter of what hosts have and have given away.
pub const RESOURCES: &str = "resources";

pub const FILTERS: &[Filter] = &[
    Filter { name: "requested", refuses: requested },
    Filter { name: "tried", refuses: tried },
    Filter { name: "fit", refuses: unfit },
    Filter { name: "zone", refuses: zone },
    Filter { name: "affinity", refuses: affinity },
    Filter { name: "traits", refuses: traits },
    Filter { name: "tenants", refuses: tenants },
    Filter { name: "flavors", refuses: flavors },
    Filter { name: "labels", refuses: labels },
    Filter { name: "image", refuses: image },
    Filter { name: "isolated", refuses: isolated },
    Filter { name: RESOURCES, refuses: resources },
    Filter { name: "cells", refuses: cells },
    Filter { name: "expected", refuses: unexpected },
];

fn requested(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    let only = &asked.request.only_hosts;
    if only.is_empty() || only.contains(host.name) {
        return None;
    }
    Refusal::of("another host was asked for")
}

fn tried(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    if !asked.request.not_hosts.contains(host.name) {
        return None;
    }
    Refusal::of("it is one of the hosts to be left out, or an earlier try failed there")
}

fn unfit(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    Refusal::of(asked.request.unfit.get(host.name)?)
}

fn unexpected(_: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    if host.load.is_some() {
        return None;
    }
    Refusal::unless("it is disabled or its agent is not connected".into(), "it were enabled and connected", 0.5)
}

fn zone(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    let wanted = asked.request.availability_zone.as_ref()?;
    let zone = &host.provider.zone;
    if wanted == zone {
        return None;
    }
    let why = format!("it is in the availability zone {zone}, {wanted} was asked for");
    Refusal::unless(why, format!("the zone {zone} were asked for, or none"), 0.5)
}

fn affinity(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    if asked.request.soft || (asked.apart.is_empty() && asked.together.is_empty()) {
        return None;
    }
    let place = asked.place(host);
    if asked.apart.contains(&place) {
        let why = "it holds as many servers of the group as it may, or is where one of them must not meet another";
        return Refusal::unless(why.into(), "the server were not in its group, or the group's rule were soft", 0.8);
    }
    if asked.together.is_empty() || asked.together.contains(&place) {
        return None;
    }
    let why = "the other servers of the group are on another host";
    Refusal::unless(why.into(), "the server were not in its group, or the group's rule were soft", 0.8)
}

fn traits(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    let has = |t: &&String| host.provider.traits.contains(*t);
    if let Some(lacking) = asked.request.required_traits.iter().find(|t| !has(t)) {
        return Refusal::unless(format!("it lacks the trait {lacking}"), format!("it had the trait {lacking}"), 0.9);
    }
    let forbidden = asked.request.forbidden_traits.iter().find(has)?;
    Refusal::unless(format!("it has the forbidden trait {forbidden}"), format!("it had no trait {forbidden}"), 0.9)
}

/// `filter_tenant_id…` of an aggregate keeps its hosts for these projects.
fn tenants(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    let labels = host.provider.labels.iter().filter(|(key, _)| key.starts_with("filter_tenant_id"));
    let mut kept_for = labels.flat_map(|(_, values)| values).flat_map(|v| v.split(',')).map(str::trim).peekable();
    kept_for.peek()?;
    if kept_for.any(|project| project == asked.request.project.as_str()) {
        return None;
    }
    Refusal::of("its aggregate is kept for other projects")
}

/// `instance_type` of an aggregate keeps its hosts for these flavors.
fn flavors(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    let kept_for = host.provider.labels.get("instance_type")?;
    if kept_for.iter().flat_map(|v| v.split(',')).any(|flavor| flavor.trim() == asked.request.flavor) {
        return None;
    }
    Refusal::of("its aggregate is kept for other flavors")
}

/// `aggregate_instance_extra_specs:KEY` of the flavor.
fn labels(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    let holds = |(key, condition): &(&String, &String)| {
        let values = host.provider.labels.get(*key);
        values.is_some_and(|values| values.iter().any(|value| conditions::holds(condition, value)))
    };
    let (key, condition) = asked.request.label_conditions.iter().find(|each| !holds(each))?;
    let has =
        host.provider.labels.get(key).map(|values| values.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
    let why = match has {
        Some(has) => format!("{key} of its aggregates is {has}, the flavor asks for {condition}"),
        None => format!("its aggregates have no {key}, the flavor asks for {condition}"),
    };
    Refusal::unless(why, format!("it were in an aggregate with {key}={condition}"), 0.9)
}

/// An aggregate that has a property of the image in its metadata is kept for images that have it so.
fn image(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    let differs = |(name, value): &(&String, &String)| {
        let kept_for = host.provider.labels.get(*name);
        kept_for.is_some_and(|k| !k.iter().flat_map(|v| v.split(',')).any(|v| v.trim() == *value))
    };
    let (name, value) = asked.request.image_properties.iter().find(differs)?;
    Refusal::of(format!("its aggregate is kept for images with another {name} than {value}"))
}

/// `trait:NAME=required` in an aggregate's metadata keeps its hosts for servers that require the trait.
fn isolated(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    let kept_for = host.provider.labels.iter().filter(|(_, values)| values.contains("required"));
    let mut traits = kept_for.filter_map(|(key, _)| key.strip_prefix("trait:"));
    let lacking = traits.find(|name| !asked.request.required_traits.iter().any(|t| t == name))?;
    Refusal::of(format!("its aggregate is kept for servers that require the trait {lacking}"))
}

fn resources(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    let lacking: Vec<_> = asked.request.resources.iter().filter_map(|each| lacking(each, host)).collect();
    let all: Option<Vec<_>> = lacking.iter().map(|refusal| refusal.change.clone()).collect();
    let first = lacking.into_iter().next()?;
    let change = all.map(|all| {
        let distance = all.iter().map(|(_, distance)| *distance).fold(0.0, f64::max);
        (all.into_iter().map(|(change, _)| change).collect::<Vec<_>>().join(" and "), distance)
    });
    Some(Refusal { change, ..first })
}

fn lacking((class, amount): (&String, &u64), host: Host<'_>) -> Option<Refusal> {
    let Some(inventory) = host.provider.inventories.get(class) else {
        return Refusal::of(format!("it has no {class}"));
    };
    let used = host.provider.used(class);
    let why = inventory.refusal(class, *amount, used)?;
    let free = Inventory::capacity(inventory).saturating_sub(used).min(inventory.max_unit);
    let missing = amount.saturating_sub(free);
    if missing == 0 || free == 0 {
        return Refusal::of(why);
    }
    let distance = missing as f64 / *amount as f64;
    Refusal::unless(why, format!("{missing} {class} less were asked for, or given back there"), distance)
}

/// NUMA nodes, processors of its own and huge pages.
fn cells(asked: &Asked<'_>, host: Host<'_>) -> Option<Refusal> {
    let wanted = asked.request.topology.as_ref()?;
    let Some(known) = asked.view.get::<HostCells>(&host.provider.id) else {
        return Refusal::of("it has not said which NUMA nodes it has");
    };
    let why = fit(&known, wanted).err()?;
    Refusal::unless(why, "the guest had smaller NUMA nodes, or no wishes about them", 0.7)
}
