//! Placement's query strings: `resources=VCPU:1,DISK_GB:5`, `required=T1,!T2`, `required=in:T3,T4`, `member_of=!in:a,b`.
//!
//! What a version does not know yet is refused in the version's own words, and of a key that may not be repeated yet the last
//! counts, as in placement.

use super::names;
use crate::{
    PlacementError,
    model::{Provider, Resources},
};
use http::{Params, Schema};
use kernel::{Microversion, Result};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use store::Snapshot;

/// Judges the query by the schema of the request's version; of a repeated key the last value counts.
pub(super) fn check(schema: &Schema, params: &Params) -> Result<()> {
    let pairs = params.0.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    schema.check_placement(INVALID, &Value::Object(pairs.collect::<Map<_, _>>()))
}

const INVALID: &str = "Invalid query string parameters";

pub(super) fn bad(text: impl Into<String>) -> kernel::Error {
    PlacementError::Bad(text.into()).into()
}

pub(super) fn resources(text: &str) -> Result<Resources> {
    let malformed = |got: &str| {
        bad(format!(
            "Badly formed resources parameter. Expected resources query string parameter in form: \
             ?resources=VCPU:2,MEMORY_MB:1024. Got: {got}."
        ))
    };
    if text.trim().is_empty() {
        return Err(malformed("empty string"));
    }
    let mut resources = Resources::new();
    for item in text.split(',') {
        let mut parts = item.split(':');
        let (Some(class), Some(amount), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed(item));
        };
        let number = amount
            .trim()
            .parse::<i64>()
            .map_err(|_| bad(format!("Requested resource {class} expected positive integer amount. Got: {amount}.")))?;
        let amount = u64::try_from(number).ok().filter(|n| *n > 0);
        let small = || bad(format!("Requested resource {class} requires amount >= 1. Got: {number}."));
        resources.insert(class.to_owned(), amount.ok_or_else(small)?);
    }
    Ok(resources)
}

/// All classes of a request must be known.
pub(super) fn known_classes<'a>(snapshot: &Snapshot, mut classes: impl Iterator<Item = &'a String>) -> Result<()> {
    match classes.find(|class| !names::class_exists(snapshot, class)) {
        None => Ok(()),
        Some(class) => {
            let unknown = PlacementError::NoResourceClass(class.clone());
            Err(bad(format!("Invalid resource class in resources parameter: {unknown}")))
        }
    }
}

/// Traits a provider must have (one of each group) and must not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) any_of: Vec<BTreeSet<String>>,
    pub(crate) none_of: BTreeSet<String>,
}

impl Traits {
    pub(super) fn parse(params: &Params, key: &str, version: Microversion) -> Result<Self> {
        let mut traits = Self::default();
        let texts: Vec<_> = params.all(key).collect();
        let counted = if version.since(1, 39) { &texts[..] } else { &texts[texts.len().saturating_sub(1)..] };
        for text in counted {
            match text.strip_prefix("in:") {
                Some(list) => traits.add_any(text, list, version)?,
                None => traits.add_all(text, version.since(1, 22))?,
            }
        }
        Ok(traits)
    }

    fn add_any(&mut self, text: &str, list: &str, version: Microversion) -> Result<()> {
        let form = "in:HW_CPU_X86_VMX,CUSTOM_MAGIC";
        if !version.since(1, 39) {
            return Err(bad(format!(
                "{INVALID}: The format '{form}' only supported since microversion 1.39. Got: {text}"
            )));
        }
        let any: BTreeSet<_> = list.split(',').map(|name| name.trim().to_owned()).collect();
        if any.contains("") {
            return Err(bad(format!(
                "{INVALID}: Expected 'required' parameter value of the form: {form}. Got an empty trait in: {text}"
            )));
        }
        if any.iter().any(|name| name.starts_with('!')) {
            return Err(bad(format!("{INVALID}: The format '{form}' does not support forbidden traits. Got: {text}")));
        }
        self.any_of.push(any);
        Ok(())
    }

    /// Several `!` count as one, as in placement.
    pub(super) fn add_all(&mut self, text: &str, may_forbid: bool) -> Result<()> {
        for item in text.split(',').map(str::trim) {
            let name = item.trim_start_matches('!');
            if name.is_empty() {
                let form = if may_forbid { "HW_CPU_X86_VMX,!CUSTOM_MAGIC" } else { "HW_CPU_X86_VMX,CUSTOM_MAGIC" };
                return Err(bad(format!(
                    "{INVALID}: Expected 'required' parameter value of the form: {form}. Got an empty trait in: {text}"
                )));
            }
            if name == item {
                self.any_of.push([name.to_owned()].into());
            } else if may_forbid {
                self.none_of.insert(name.to_owned());
            } else {
                return Err(bad(format!(
                    "{INVALID}: Expected 'required' parameter value of the form: HW_CPU_X86_VMX,CUSTOM_MAGIC. Got: {text}"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.any_of.iter().flatten().chain(&self.none_of)
    }

    /// Groups of which nothing may be had.
    pub(super) fn contradictions(&self) -> impl Iterator<Item = String> + '_ {
        let none = self.any_of.iter().filter(|any| any.is_subset(&self.none_of));
        none.map(|any| any.iter().cloned().collect::<Vec<_>>().join(", "))
    }

    pub(crate) fn allow(&self, traits: &BTreeSet<String>) -> bool {
        self.any_of.iter().all(|any| any.iter().any(|t| traits.contains(t))) && !self.forbid(traits)
    }

    pub(crate) fn forbid(&self, traits: &BTreeSet<String>) -> bool {
        self.none_of.iter().any(|t| traits.contains(t))
    }
}

/// Aggregates a provider must be in (one of each group) and must not be in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemberOf {
    pub(crate) any_of: Vec<BTreeSet<String>>,
    pub(crate) none_of: BTreeSet<String>,
}

impl MemberOf {
    /// `suffix` is the group's.
    pub(super) fn parse(params: &Params, suffix: &str, version: Microversion) -> Result<Self> {
        let key = format!("member_of{suffix}");
        let mut found = Self::default();
        if !version.since(1, 24) && params.all(&key).count() > 1 {
            return Err(bad(format!("Multiple {key} parameters are not supported")));
        }
        for text in params.all(&key) {
            let (forbidden, list) = match text.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, text),
            };
            let aggregates: BTreeSet<_> = members(text, list)?;
            if !forbidden {
                found.any_of.push(aggregates);
            } else if version.since(1, 32) {
                found.none_of.extend(aggregates);
            } else {
                return Err(bad(format!("Forbidden {key} parameters are not supported in the specified microversion")));
            }
        }
        Ok(found)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.any_of.is_empty() && self.none_of.is_empty()
    }

    pub(crate) fn allow(&self, provider: &Provider) -> bool {
        self.wanted(provider) && !self.forbid(provider)
    }

    pub(crate) fn wanted(&self, provider: &Provider) -> bool {
        self.any_of.iter().all(|any| any.iter().any(|a| provider.aggregates.contains(a)))
    }

    pub(crate) fn forbid(&self, provider: &Provider) -> bool {
        self.none_of.iter().any(|a| provider.aggregates.contains(a))
    }
}

/// `UUID` or `in:UUID,UUID`.
fn members(text: &str, list: &str) -> Result<BTreeSet<String>> {
    let names = match list.strip_prefix("in:") {
        Some(names) => names,
        None if text.contains(',') => {
            return Err(bad(format!(
                "Multiple values for 'member_of' must be prefixed with the 'in:' or '!in:' keyword using the valid \
                 microversion. Got: {text}"
            )));
        }
        None => list,
    };
    let wrong =
        |name: &str| bad(format!("{INVALID}: Expected 'member_of' parameter to contain valid UUID(s). Got: {name}"));
    let one = |name: &str| if is_uuid(name) { Ok(name.to_owned()) } else { Err(wrong(name)) };
    names.split(',').map(one).collect()
}

pub(super) fn is_uuid(text: &str) -> bool {
    uuid::Uuid::parse_str(text).is_ok()
}

#[cfg(test)]
mod tests;
