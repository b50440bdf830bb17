use super::known_mapping;
use crate::{
    Identity, Refusal,
    model::{
        IdentityProvider, Protocol,
        federation::{IdentityProviderId, MappingId},
    },
    ops::{audit::Note, found::found_in, identity_providers::valid_id},
    policy::{Authorize, federation::CREATE_PROTOCOL},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Object;

#[derive(Deserialize)]
pub struct New {
    pub mapping_id: MappingId,
    pub remote_id_attribute: Option<String>,
}

pub async fn create(id: &Identity, cx: &Ctx, provider: &str, protocol: &str, new: New) -> Result<Arc<Protocol>> {
    let permit = cx.authorize(&CREATE_PROTOCOL, &())?;
    valid_id(protocol)?;
    let protocol = Protocol {
        id: protocol.to_owned(),
        provider: IdentityProviderId::from(provider),
        mapping: new.mapping_id,
        remote_id_attribute: new.remote_id_attribute,
    };
    let note = Note::of(cx);
    id.write(permit, "identity.protocol.create", move |tx| {
        known_mapping(tx, &protocol.mapping)?;
        // Written as it is: its removal at this moment conflicts and sees the protocol.
        let provider = found_in::<IdentityProvider>(tx, "Identity Provider", &protocol.provider)?;
        tx.put(IdentityProvider::clone(&provider));
        if tx.get::<Protocol>(&protocol.key()).is_some() {
            return Err(Refusal::conflict("federation_protocol", "Duplicate entry").into());
        }
        note.created(tx, "federation_protocol", &protocol.key())?;
        Ok(tx.put(protocol.clone()))
    })
    .await
}
