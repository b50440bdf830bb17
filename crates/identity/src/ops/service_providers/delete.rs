use super::WHAT;
use crate::{
    Identity,
    model::ServiceProvider,
    ops::{audit::Note, found::found_in},
    policy::{Authorize, federation::DELETE_SERVICE_PROVIDER},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, provider_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_SERVICE_PROVIDER, &())?;
    let (note, provider_id) = (Note::of(cx), provider_id.to_owned());
    id.write(permit, "identity.service_provider.delete", move |tx| {
        found_in::<ServiceProvider>(tx, WHAT, &provider_id)?;
        tx.delete::<ServiceProvider>(&provider_id);
        note.deleted(tx, "service_provider", &provider_id)
    })
    .await
}
