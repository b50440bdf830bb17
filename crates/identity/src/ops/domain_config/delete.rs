use super::{Part, absent, domain_or_404};
use crate::{
    Identity,
    model::DomainConfig,
    ops::audit::Note,
    policy::{Authorize, domain_config::DELETE_DOMAIN_CONFIG},
};
use kernel::{Ctx, Result};

/// The whole may be removed though there is none, as in Keystone; a part must be there.
pub async fn delete(id: &Identity, cx: &Ctx, domain: &str, part: Part<'_>) -> Result<()> {
    let permit = cx.authorize(&DELETE_DOMAIN_CONFIG, &())?;
    let domain = domain_or_404(id, domain)?;
    part.known()?;
    let note = Note::of(cx);
    let (group, option) = (part.group.map(str::to_owned), part.option.map(str::to_owned));
    id.write(permit, "identity.domain_config.delete", move |tx| {
        let found = tx.get::<DomainConfig>(&domain);
        let mut config = found.map_or_else(|| DomainConfig::empty(domain.clone()), |c| DomainConfig::clone(&c));
        if let Some(group) = &group {
            if !config.has(group, option.as_deref()) {
                let part = Part { group: Some(group), option: option.as_deref() };
                return Err(absent(&domain, &part).into());
            }
            config.remove(group, option.as_deref());
        }
        if group.is_none() || config.is_empty() {
            tx.delete::<DomainConfig>(&domain);
        } else {
            tx.put(config);
        }
        note.deleted(tx, "domain_config", &domain)
    })
    .await
}
