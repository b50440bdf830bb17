//! From a query string to a request.

use super::schema::{LIST_10, LIST_16, LIST_17, LIST_21, LIST_25, LIST_31, LIST_33, LIST_35, LIST_36};
use crate::{
    PlacementError,
    candidates::{Group, Policy, Request, Trees},
    ops::{
        MemberOf, Traits,
        query::{self, bad},
    },
};
use http::{Params, Schema, pick};
use kernel::{Microversion, Result};
use std::collections::{BTreeMap, BTreeSet};

const SCHEMAS: &[(Microversion, &Schema)] = &[
    (Microversion::new(1, 10), &LIST_10),
    (Microversion::new(1, 16), &LIST_16),
    (Microversion::new(1, 17), &LIST_17),
    (Microversion::new(1, 21), &LIST_21),
    (Microversion::new(1, 25), &LIST_25),
    (Microversion::new(1, 31), &LIST_31),
    (Microversion::new(1, 33), &LIST_33),
    (Microversion::new(1, 35), &LIST_35),
    (Microversion::new(1, 36), &LIST_36),
];

const PREFIXES: &[&str] = &["resources", "required", "member_of", "in_tree"];

pub(super) fn read(params: &Params, version: Microversion) -> Result<Request> {
    query::check(pick(SCHEMAS, version).unwrap_or(&LIST_10), params)?;
    let root = root_required(params)?;
    let same_subtrees = same_subtrees(params)?;
    let groups = groups(params, version)?;
    if version.since(1, 36) {
        subtrees_name_groups(&groups, &same_subtrees)?;
    } else {
        all_want_resources(&groups)?;
    }
    if version.since(1, 22) {
        no_contradictions(&groups)?;
    }
    let suffixed = groups.iter().filter(|g| g.one_provider()).count();
    let policy = match params.0.iter().find(|(key, _)| key == "group_policy").map(|(_, value)| value.as_str()) {
        None if suffixed > 1 => {
            let text =
                "The \"group_policy\" parameter is required when specifying more than one \"resources{N}\" parameter.";
            return Err(bad(text));
        }
        Some("isolate") => Policy::Isolate,
        _ => Policy::None,
    };
    let limit = params.0.iter().find(|(key, _)| key == "limit").map(|(_, value)| value.parse());
    Ok(Request {
        groups,
        // A number of too many digits is no limit.
        limit: limit.map(|limit| limit.unwrap_or(usize::MAX)),
        policy,
        trees: if version.since(1, 29) { Trees::Known } else { Trees::Unknown },
        root,
        same_subtrees,
    })
}

fn groups(params: &Params, version: Microversion) -> Result<Vec<Group>> {
    let mut suffixes = Vec::new();
    for (key, _) in &params.0 {
        let suffix = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix));
        suffixes.extend(suffix.filter(|suffix| !suffixes.contains(suffix)));
    }
    suffixes.into_iter().map(|suffix| group(params, suffix, version)).collect()
}

fn group(params: &Params, suffix: &str, version: Microversion) -> Result<Group> {
    let text = |prefix: &str| params.get(&format!("{prefix}{suffix}"));
    let in_tree = text("in_tree").map(str::trim);
    if let Some(wrong) = in_tree.filter(|id| !query::is_uuid(id)) {
        return Err(bad(format!(
            "Invalid query string parameters: Expected 'in_tree' parameter to be a format of uuid. Got: {wrong}"
        )));
    }
    Ok(Group {
        suffix: suffix.to_owned(),
        resources: text("resources").map(query::resources).transpose()?.unwrap_or_default(),
        traits: Traits::parse(params, &format!("required{suffix}"), version)?,
        member_of: MemberOf::parse(params, suffix, version)?,
        in_tree: in_tree.map(str::to_owned),
    })
}

fn root_required(params: &Params) -> Result<Traits> {
    let mut traits = Traits::default();
    let mut given = params.all("root_required");
    let Some(text) = given.next() else { return Ok(traits) };
    if given.next().is_some() {
        let text = "Query parameter 'root_required' may be specified only once.";
        return Err(PlacementError::RepeatedQuery(text.into()).into());
    }
    if text.starts_with("in:") {
        return Err(bad(format!(
            "Invalid query string parameters: The format 'in:HW_CPU_X86_VMX,CUSTOM_MAGIC' only supported since \
             microversion 1.39. Got: {text}"
        )));
    }
    traits.add_all(text, true)?;
    let conflicts: Vec<_> = traits.contradictions().collect();
    if conflicts.is_empty() {
        return Ok(traits);
    }
    let text = format!("Conflicting required and forbidden traits found in root_required: {}", conflicts.join(", "));
    Err(PlacementError::BadQuery(text).into())
}

fn same_subtrees(params: &Params) -> Result<Vec<BTreeSet<String>>> {
    let one = |text: &str| {
        let suffixes: BTreeSet<_> = text.split(',').map(|suffix| suffix.trim().to_owned()).collect();
        if suffixes.contains("") {
            let text = "Empty string (unsuffixed group) can not be specified in `same_subtree` ";
            return Err(PlacementError::BadQuery(text.into()).into());
        }
        Ok(suffixes)
    };
    params.all("same_subtree").map(one).collect()
}

/// From 1.36 on a group may want no resources if its providers must be near others'.
fn subtrees_name_groups(groups: &[Group], subtrees: &[BTreeSet<String>]) -> Result<()> {
    if groups.iter().all(|g| g.resources.is_empty()) {
        let text = "There must be at least one resources or resources[$S] parameter.";
        return Err(PlacementError::MissingQuery(text.into()).into());
    }
    let named: BTreeSet<&String> = subtrees.iter().flatten().collect();
    let quoted = |names: Vec<&String>| names.into_iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let idle: Vec<_> =
        groups.iter().filter(|g| g.resources.is_empty() && !named.contains(&g.suffix)).map(|g| &g.suffix).collect();
    if !idle.is_empty() {
        let text = format!(
            "Resourceless suffixed group request should be specified in `same_subtree` query param: bad group(s) - [{}].",
            quoted(idle)
        );
        return Err(PlacementError::BadQuery(text).into());
    }
    let unknown: Vec<_> = named.into_iter().filter(|name| !groups.iter().any(|g| g.suffix == **name)).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known = groups.iter().map(|g| &g.suffix).collect();
    let text = format!(
        "Real suffixes should be specified in `same_subtree`: [{}] not found in [{}].",
        quoted(unknown),
        quoted(known)
    );
    Err(PlacementError::BadQuery(text).into())
}

fn all_want_resources(groups: &[Group]) -> Result<()> {
    let idle = || groups.iter().filter(|g| g.resources.is_empty());
    let keys = |prefix: &str, of: fn(&Group) -> bool| {
        idle().filter(|g| of(g)).map(|g| format!("{prefix}{}", g.suffix)).collect::<Vec<_>>().join(", ")
    };
    let orphans = keys("required", |g| !g.traits.any_of.is_empty());
    if !orphans.is_empty() {
        return Err(bad(format!(
            "All traits parameters must be associated with resources.  Found the following orphaned traits keys: {orphans}"
        )));
    }
    let orphans = keys("member_of", |g| !g.member_of.is_empty());
    if !orphans.is_empty() {
        return Err(bad(format!(
            "All member_of parameters must be associated with resources. Found the following orphaned member_of keys: {orphans}"
        )));
    }
    if idle().next().is_some() {
        return Err(bad("All request groups must specify resources."));
    }
    if groups.is_empty() {
        return Err(bad("At least one request group (`resources` or `resources{$S}`) is required."));
    }
    Ok(())
}

fn no_contradictions(groups: &[Group]) -> Result<()> {
    let mut found: BTreeMap<String, ()> = BTreeMap::new();
    for group in groups {
        found.extend(group.traits.contradictions().map(|names| (format!("required{}: ({names})", group.suffix), ())));
    }
    if found.is_empty() {
        return Ok(());
    }
    let list = found.into_keys().collect::<Vec<_>>().join(", ");
    Err(bad(format!("Conflicting required and forbidden traits found in the following traits keys: {list}")))
}
