//! Configuration of single domains: set, changed, read and removed as a whole, by group, or by option.

mod create;
mod default;
mod delete;
mod show;
mod update;

pub use create::{Was, create};
pub use default::default;
pub use delete::delete;
pub use show::show;
pub use update::update;

use crate::{
    Identity, Refusal,
    model::{
        DomainConfig, Purpose,
        domain_config::{Groups, defaults, is_secret},
        project,
    },
};
use kernel::{DomainId, Result};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The part of a configuration that a request is about: `group` and `option` of the path.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    pub group: Option<&'a str>,
    pub option: Option<&'a str>,
}

impl Part<'_> {
    /// As Keystone names it.
    fn words(&self) -> String {
        match (self.group, self.option) {
            (Some(group), Some(option)) => format!("option {option} in group {group}"),
            (Some(group), None) => format!("group {group}"),
            (None, _) => "any options".to_owned(),
        }
    }

    /// Only what may be set can be asked for.
    fn known(&self) -> Result<(), Refusal> {
        match (self.group, self.option) {
            (Some(group), option) => supported(group, option),
            (None, _) => Ok(()),
        }
    }
}

fn invalid(reason: &str) -> Refusal {
    Refusal::Forbidden(format!("Invalid domain specific configuration: {reason}."))
}

fn absent(domain: &str, part: &Part<'_>) -> Refusal {
    Refusal::Absent(format!("Could not find {} in domain configuration for domain {domain}.", part.words()))
}

fn supported(group: &str, option: Option<&str>) -> Result<(), Refusal> {
    let Some(known) = defaults(group, None) else {
        return Err(invalid(&format!("Group {group} is not supported for domain specific configurations")));
    };
    match option.filter(|option| !known.contains_key(option) && !is_secret(group, option)) {
        None => Ok(()),
        Some(option) => Err(invalid(&format!(
            "Option {option} in group {group} is not supported for domain specific configurations"
        ))),
    }
}

/// A body's `config`, whole, with every name checked.
fn read(config: &Map<String, Value>) -> Result<Groups, Refusal> {
    if config.is_empty() {
        return Err(invalid("No options specified"));
    }
    let mut groups = Groups::new();
    for (group, options) in config {
        let Some(options) = options.as_object().filter(|o| !o.is_empty()) else {
            return Err(invalid(&format!(
                "The value of group {group} specified in the config should be a dictionary of options"
            )));
        };
        for option in options.keys() {
            supported(group, Some(option))?;
        }
        let options: BTreeMap<_, _> = options.clone().into_iter().collect();
        groups.insert(group.clone(), options);
    }
    Ok(groups)
}

/// What is secret, sealed and taken out of the rest.
fn seal(id: &Identity, groups: &mut Groups) -> Result<BTreeMap<String, String>> {
    let view = id.view();
    let mut secrets = BTreeMap::new();
    for (group, options) in groups.iter_mut() {
        let names: Vec<_> = options.keys().filter(|option| is_secret(group, option)).cloned().collect();
        for name in names {
            let text = options.remove(&name).unwrap_or_default().to_string();
            secrets.insert(name, id.rings().seal(&view, Purpose::Credentials, text.as_bytes())?);
        }
    }
    groups.retain(|_, options| !options.is_empty());
    Ok(secrets)
}

fn domain_or_404(id: &Identity, domain: &str) -> Result<DomainId> {
    let found = project::find_domain(&id.view(), domain).ok_or_else(|| Refusal::not_found("domain", domain))?;
    Ok(found.domain_id())
}

/// A part of a configuration as answers show it; `None`: nothing of it is set.
fn shown(config: &DomainConfig, part: &Part<'_>) -> Option<Value> {
    match (part.group, part.option) {
        (Some(group), Some(option)) => config.options.get(group)?.get(option).map(|value| json!({option: value})),
        (Some(group), None) => config.options.get(group).map(|options| json!({group: options})),
        (None, _) => (!config.options.is_empty()).then(|| json!(config.options)),
    }
}
