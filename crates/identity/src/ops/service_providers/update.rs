use super::WHAT;
use crate::{
    Identity,
    model::ServiceProvider,
    ops::{audit::Note, fields, found::found_in},
    policy::{Authorize, federation::UPDATE_SERVICE_PROVIDER},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub auth_url: Option<String>,
    pub sp_url: Option<String>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    pub enabled: Option<bool>,
    #[serde(default, deserialize_with = "fields::given")]
    pub relay_state_prefix: Option<Option<String>>,
}

pub async fn update(id: &Identity, cx: &Ctx, provider_id: &str, update: Update) -> Result<Arc<ServiceProvider>> {
    let permit = cx.authorize(&UPDATE_SERVICE_PROVIDER, &())?;
    let (note, provider_id) = (Note::of(cx), provider_id.to_owned());
    id.write(permit, "identity.service_provider.update", move |tx| {
        let mut new = ServiceProvider::clone(&*found_in::<ServiceProvider>(tx, WHAT, &provider_id)?);
        new.auth_url = update.auth_url.clone().unwrap_or(new.auth_url);
        new.sp_url = update.sp_url.clone().unwrap_or(new.sp_url);
        new.description = update.description.clone().unwrap_or(new.description);
        new.enabled = update.enabled.unwrap_or(new.enabled);
        new.relay_state_prefix = update.relay_state_prefix.clone().unwrap_or(new.relay_state_prefix);
        note.updated(tx, "service_provider", &provider_id)?;
        Ok(tx.put(new))
    })
    .await
}
