use super::{WHAT, take};
use crate::{
    Identity,
    model::IdentityProvider,
    ops::{audit::Note, found::found_in},
    policy::{Authorize, federation::DELETE_IDENTITY_PROVIDER},
};
use kernel::{Ctx, Result};

/// Its protocols go with it, its domain stays.
pub async fn delete(id: &Identity, cx: &Ctx, provider_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_IDENTITY_PROVIDER, &())?;
    let (note, provider_id) = (Note::of(cx), provider_id.to_owned());
    id.write(permit, "identity.identity_provider.delete", move |tx| {
        let provider = found_in::<IdentityProvider>(tx, WHAT, &provider_id)?;
        take(tx, &provider);
        note.deleted(tx, "identity_provider", &provider_id)
    })
    .await
}
