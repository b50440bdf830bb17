use super::{WHAT, claim, release};
use crate::{
    Identity,
    model::IdentityProvider,
    ops::{audit::Note, fields, found::found_in},
    policy::{Authorize, federation::UPDATE_IDENTITY_PROVIDER},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

/// The domain stays what it is: users may be in it.
#[derive(Clone, Deserialize)]
pub struct Update {
    pub enabled: Option<bool>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    #[serde(default, deserialize_with = "fields::given")]
    pub remote_ids: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "fields::given")]
    pub authorization_ttl: Option<Option<u64>>,
}

pub async fn update(id: &Identity, cx: &Ctx, provider_id: &str, update: Update) -> Result<Arc<IdentityProvider>> {
    let permit = cx.authorize(&UPDATE_IDENTITY_PROVIDER, &())?;
    let (note, provider_id) = (Note::of(cx), provider_id.to_owned());
    id.write(permit, "identity.identity_provider.update", move |tx| {
        let mut new = IdentityProvider::clone(&*found_in::<IdentityProvider>(tx, WHAT, &provider_id)?);
        new.enabled = update.enabled.unwrap_or(new.enabled);
        new.description = update.description.clone().unwrap_or(new.description);
        new.authorization_ttl = update.authorization_ttl.unwrap_or(new.authorization_ttl);
        if let Some(remote_ids) = &update.remote_ids {
            release(tx, &provider_id, &new.remote_ids);
            new.remote_ids = remote_ids.clone().unwrap_or_default();
            claim(tx, &provider_id, &new.remote_ids)?;
        }
        note.updated(tx, "identity_provider", &provider_id)?;
        Ok(tx.put(new))
    })
    .await
}
