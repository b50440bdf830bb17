use super::WHAT;
use crate::{
    Identity,
    model::Mapping,
    ops::{audit::Note, found::found_in},
    policy::{Authorize, federation::DELETE_MAPPING},
};
use kernel::{Ctx, Result};

/// Protocols may go on naming it, as in Keystone.
pub async fn delete(id: &Identity, cx: &Ctx, mapping_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_MAPPING, &())?;
    let (note, mapping_id) = (Note::of(cx), mapping_id.to_owned());
    id.write(permit, "identity.mapping.delete", move |tx| {
        found_in::<Mapping>(tx, WHAT, &mapping_id)?;
        tx.delete::<Mapping>(&mapping_id);
        note.deleted(tx, "mapping", &mapping_id)
    })
    .await
}
