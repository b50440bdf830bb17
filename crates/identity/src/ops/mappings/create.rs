use super::Content;
use crate::{
    Identity, Refusal,
    model::{Mapping, federation::MappingId},
    ops::{audit::Note, identity_providers::valid_id},
    policy::{Authorize, federation::CREATE_MAPPING},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub async fn create(id: &Identity, cx: &Ctx, mapping_id: &str, content: Content) -> Result<Arc<Mapping>> {
    let permit = cx.authorize(&CREATE_MAPPING, &())?;
    valid_id(mapping_id)?;
    let schema_version = content.version();
    let mapping = Mapping { id: MappingId::from(mapping_id), rules: content.rules, schema_version };
    let note = Note::of(cx);
    id.write(permit, "identity.mapping.create", move |tx| {
        if tx.get::<Mapping>(&mapping.id).is_some() {
            let details = format!("Duplicate entry found with ID {}", mapping.id);
            return Err(Refusal::conflict("mapping", details).into());
        }
        note.created(tx, "mapping", &mapping.id)?;
        Ok(tx.put(mapping.clone()))
    })
    .await
}
