use super::{claim, valid_id};
use crate::{
    Identity, Refusal,
    model::{Extra, IdentityProvider, Options, Project, federation::IdentityProviderId},
    ops::{audit::Note, domain_in, names},
    policy::{Authorize, federation::CREATE_IDENTITY_PROVIDER},
};
use kernel::{Ctx, DomainId, Result, ids::uuid_hex};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};
use store::Tx;

#[derive(Deserialize)]
pub struct New {
    #[serde(default)]
    pub enabled: bool,
    pub description: Option<String>,
    pub domain_id: Option<DomainId>,
    pub remote_ids: Option<Vec<String>>,
    pub authorization_ttl: Option<u64>,
}

/// Without a domain it gets one of its own.
pub async fn create(id: &Identity, cx: &Ctx, provider_id: &str, new: New) -> Result<Arc<IdentityProvider>> {
    let permit = cx.authorize(&CREATE_IDENTITY_PROVIDER, &())?;
    valid_id(provider_id)?;
    let given = new.domain_id.filter(|d| !d.is_empty());
    let makes_domain = given.is_none();
    let provider = IdentityProvider {
        id: IdentityProviderId::from(provider_id),
        domain: given.unwrap_or_else(|| DomainId::from(uuid_hex().as_str())),
        enabled: new.enabled,
        description: new.description,
        remote_ids: new.remote_ids.unwrap_or_default(),
        authorization_ttl: new.authorization_ttl,
    };
    let note = Note::of(cx);
    id.write(permit, "identity.identity_provider.create", move |tx| {
        if tx.get::<IdentityProvider>(&provider.id).is_some() {
            let details = format!("Duplicate entry found with ID {}", provider.id);
            return Err(Refusal::conflict("identity_provider", details).into());
        }
        if makes_domain {
            make_domain(tx, &provider, &note)?;
        } else {
            // Written as it is: its removal at this moment conflicts and sees the provider.
            let domain = domain_in(tx, &provider.domain)?;
            tx.put(Project::clone(&domain));
        }
        claim(tx, &provider.id, &provider.remote_ids)?;
        note.created(tx, "identity_provider", &provider.id)?;
        Ok(tx.put(provider.clone()))
    })
    .await
}

fn make_domain(tx: &mut Tx, provider: &IdentityProvider, note: &Note) -> Result<()> {
    let id = provider.domain.as_str();
    names::claim(tx, "domain", &Project::name_space(None), id, "", id)?;
    let domain = Project {
        id: id.into(),
        name: id.to_owned(),
        domain: None,
        parent: None,
        enabled: true,
        description: Some(format!("Auto generated federated domain for Identity Provider: {}", provider.id)),
        tags: BTreeSet::new(),
        options: Options::new(),
        extra: Extra::new(),
        deleting: false,
    };
    tx.insert(domain)?;
    note.created(tx, "domain", id)
}
