use super::{absent, known_mapping};
use crate::{
    Identity,
    model::{Protocol, federation::MappingId},
    ops::audit::Note,
    policy::{Authorize, federation::UPDATE_PROTOCOL},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub mapping_id: MappingId,
    pub remote_id_attribute: Option<String>,
}

pub async fn update(id: &Identity, cx: &Ctx, provider: &str, protocol: &str, update: Update) -> Result<Arc<Protocol>> {
    let permit = cx.authorize(&UPDATE_PROTOCOL, &())?;
    let (note, key, gone) = (Note::of(cx), Protocol::key_of(provider, protocol), absent(provider, protocol));
    id.write(permit, "identity.protocol.update", move |tx| {
        known_mapping(tx, &update.mapping_id)?;
        let old = tx.get::<Protocol>(&key).ok_or_else(|| gone.clone())?;
        let remote_id_attribute = update.remote_id_attribute.clone().or_else(|| old.remote_id_attribute.clone());
        note.updated(tx, "federation_protocol", &key)?;
        Ok(tx.put(Protocol { mapping: update.mapping_id.clone(), remote_id_attribute, ..Protocol::clone(&old) }))
    })
    .await
}
