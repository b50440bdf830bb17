use super::{Content, WHAT};
use crate::{
    Identity,
    model::Mapping,
    ops::{audit::Note, found::found_in},
    policy::{Authorize, federation::UPDATE_MAPPING},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub async fn update(id: &Identity, cx: &Ctx, mapping_id: &str, content: Content) -> Result<Arc<Mapping>> {
    let permit = cx.authorize(&UPDATE_MAPPING, &())?;
    let (note, mapping_id) = (Note::of(cx), mapping_id.to_owned());
    id.write(permit, "identity.mapping.update", move |tx| {
        let old = found_in::<Mapping>(tx, WHAT, &mapping_id)?;
        let (rules, schema_version) = (content.rules.clone(), content.version());
        note.updated(tx, "mapping", &mapping_id)?;
        Ok(tx.put(Mapping { rules, schema_version, ..Mapping::clone(&old) }))
    })
    .await
}
