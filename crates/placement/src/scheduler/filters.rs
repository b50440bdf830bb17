//! What a host must have. The order is from cheap to dear; the first refusal is the one told.

use super::{Asked, Host};

pub struct Filter {
    pub name: &'static str,
    /// Why not this host, in words for the operator; `None`: it passes.
    pub refuses: fn(&Asked<'_>, Host<'_>) -> Option<String>,
}

pub const FILTERS: &[Filter] = &[
    Filter { name: "requested", refuses: requested },
    Filter { name: "tried", refuses: tried },
    Filter { name: "expected", refuses: unexpected },
    Filter { name: "zone", refuses: zone },
    Filter { name: "affinity", refuses: affinity },
    Filter { name: "traits", refuses: traits },
    Filter { name: "resources", refuses: resources },
];

fn requested(asked: &Asked<'_>, host: Host<'_>) -> Option<String> {
    let only = &asked.request.only_hosts;
    (!only.is_empty() && !only.contains(host.name)).then(|| "another host was asked for".into())
}

fn tried(asked: &Asked<'_>, host: Host<'_>) -> Option<String> {
    asked.request.not_hosts.contains(host.name).then(|| "an earlier try failed there".into())
}

fn unexpected(asked: &Asked<'_>, host: Host<'_>) -> Option<String> {
    (!asked.expected.contains(host.name.as_str())).then(|| "it is disabled or its agent is not connected".into())
}

fn zone(asked: &Asked<'_>, host: Host<'_>) -> Option<String> {
    let wanted = asked.request.availability_zone.as_ref()?;
    let zone = &host.provider.zone;
    (wanted != zone).then(|| format!("it is in the availability zone {zone}, {wanted} was asked for"))
}

fn affinity(asked: &Asked<'_>, host: Host<'_>) -> Option<String> {
    let request = asked.request;
    if request.soft {
        return None;
    }
    if request.different_from.contains(host.name) {
        return Some("it holds as many servers of the group as it may".into());
    }
    let apart = !request.same_as.is_empty() && !request.same_as.contains(host.name);
    apart.then(|| "the other servers of the group are on another host".into())
}

fn traits(asked: &Asked<'_>, host: Host<'_>) -> Option<String> {
    let has = |t: &&String| host.provider.traits.contains(*t);
    if let Some(lacking) = asked.request.required_traits.iter().find(|t| !has(t)) {
        return Some(format!("it lacks the trait {lacking}"));
    }
    let forbidden = asked.request.forbidden_traits.iter().find(has)?;
    Some(format!("it has the forbidden trait {forbidden}"))
}

fn resources(asked: &Asked<'_>, host: Host<'_>) -> Option<String> {
    host.provider.refusal(&asked.request.resources)
}
