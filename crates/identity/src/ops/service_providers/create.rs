use super::RELAY_STATE;
use crate::{
    Identity, Refusal,
    model::ServiceProvider,
    ops::{audit::Note, fields, identity_providers::valid_id},
    policy::{Authorize, federation::CREATE_SERVICE_PROVIDER},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub struct New {
    pub auth_url: String,
    pub sp_url: String,
    pub description: Option<String>,
    #[serde(default)]
    pub enabled: bool,
    #[serde(default, deserialize_with = "fields::given")]
    pub relay_state_prefix: Option<Option<String>>,
}

pub async fn create(id: &Identity, cx: &Ctx, provider_id: &str, new: New) -> Result<Arc<ServiceProvider>> {
    let permit = cx.authorize(&CREATE_SERVICE_PROVIDER, &())?;
    valid_id(provider_id)?;
    let provider = ServiceProvider {
        id: provider_id.to_owned(),
        auth_url: new.auth_url,
        sp_url: new.sp_url,
        description: new.description,
        enabled: new.enabled,
        relay_state_prefix: new.relay_state_prefix.unwrap_or_else(|| Some(RELAY_STATE.to_owned())),
    };
    let note = Note::of(cx);
    id.write(permit, "identity.service_provider.create", move |tx| {
        if tx.get::<ServiceProvider>(&provider.id).is_some() {
            let details = format!("Duplicate entry found with ID {}", provider.id);
            return Err(Refusal::conflict("service_provider", details).into());
        }
        note.created(tx, "service_provider", &provider.id)?;
        Ok(tx.put(provider.clone()))
    })
    .await
}
