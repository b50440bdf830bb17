use super::{Part, absent, domain_or_404, invalid, read, seal, shown};
use crate::{
    Identity, Refusal,
    model::{DomainConfig, Project, domain_config::Groups},
    ops::{audit::Note, domain_in},
    policy::{Authorize, domain_config::UPDATE_DOMAIN_CONFIG},
};
use kernel::{Ctx, Result};
use serde_json::{Map, Value, json};

/// Lays options over those there are; a group or option named in the path must be there and the only one. Answers the whole.
pub async fn update(
    id: &Identity,
    cx: &Ctx,
    domain: &str,
    part: Part<'_>,
    config: Map<String, Value>,
) -> Result<Value> {
    let permit = cx.authorize(&UPDATE_DOMAIN_CONFIG, &())?;
    let domain = domain_or_404(id, domain)?;
    let config = match (part.group, part.option) {
        // The body is then the option alone.
        (Some(group), Some(_)) => Map::from_iter([(group.to_owned(), Value::Object(config))]),
        _ => config,
    };
    let mut changes = read(&config)?;
    part.known()?;
    only(&changes, &part)?;
    let secrets = seal(id, &mut changes)?;
    let note = Note::of(cx);
    let (group, option) = (part.group.map(str::to_owned), part.option.map(str::to_owned));
    id.write(permit, "identity.domain_config.update", move |tx| {
        let project = domain_in(tx, &domain)?;
        tx.put(Project::clone(&project));
        let found = tx.get::<DomainConfig>(&domain);
        let mut config = found.map_or_else(|| DomainConfig::empty(domain.clone()), |c| DomainConfig::clone(&c));
        let part = Part { group: group.as_deref(), option: option.as_deref() };
        if part.group.is_some_and(|group| !config.has(group, part.option)) {
            return Err(absent(&domain, &part).into());
        }
        for (group, options) in changes.clone() {
            config.options.entry(group).or_default().extend(options);
        }
        config.secrets.extend(secrets.clone());
        note.updated(tx, "domain_config", &domain)?;
        let view = shown(&config, &Part { group: None, option: None }).unwrap_or_else(|| json!({}));
        tx.put(config);
        Ok(view)
    })
    .await
}

/// What the path names is in the body, and nothing else.
fn only(changes: &Groups, part: &Part<'_>) -> Result<(), Refusal> {
    let Some(group) = part.group else { return Ok(()) };
    let Some(options) = changes.get(group).filter(|_| changes.len() == 1) else {
        return Err(invalid(&format!(
            "Trying to update group {group}, so that, and only that, group must be specified in the config"
        )));
    };
    match part.option {
        Some(option) if options.len() != 1 || !options.contains_key(option) => Err(invalid(&format!(
            "Trying to update option {option} in group {group}, so that, and only that, option must be specified  in the \
             config"
        ))),
        _ => Ok(()),
    }
}
