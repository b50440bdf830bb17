use super::{Part, domain_or_404, read, seal, shown};
use crate::{
    Identity,
    model::{DomainConfig, Project},
    ops::{audit::Note, domain_in},
    policy::{Authorize, domain_config::CREATE_DOMAIN_CONFIG},
};
use kernel::{Ctx, Result};
use serde_json::{Map, Value, json};

/// Whether there was one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was {
    Absent,
    Replaced,
}

/// The configuration is this, whatever it was.
pub async fn create(id: &Identity, cx: &Ctx, domain: &str, config: Map<String, Value>) -> Result<(Value, Was)> {
    let permit = cx.authorize(&CREATE_DOMAIN_CONFIG, &())?;
    let domain = domain_or_404(id, domain)?;
    let mut options = read(&config)?;
    let secrets = seal(id, &mut options)?;
    let note = Note::of(cx);
    id.write(permit, "identity.domain_config.create", move |tx| {
        // Written as it is: its removal at this moment conflicts and sees the configuration.
        let project = domain_in(tx, &domain)?;
        tx.put(Project::clone(&project));
        let was = match tx.get::<DomainConfig>(&domain) {
            Some(old) if !old.is_empty() => Was::Replaced,
            _ => Was::Absent,
        };
        let config = DomainConfig { domain: domain.clone(), options: options.clone(), secrets: secrets.clone() };
        note.created(tx, "domain_config", &domain)?;
        let view = shown(&config, &Part { group: None, option: None }).unwrap_or_else(|| json!({}));
        tx.put(config);
        Ok((view, was))
    })
    .await
}
