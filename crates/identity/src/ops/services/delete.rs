use crate::{
    Identity, Refusal,
    model::Service,
    ops::{audit::Note, catalog::gone, registered_limits::forbid_removal},
    policy::{Authorize, catalog::DELETE_SERVICE},
};
use kernel::{Ctx, Result};

/// Its endpoints and policies go with it; limits on its resources forbid it.
pub async fn delete(id: &Identity, cx: &Ctx, service_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_SERVICE, &())?;
    let (note, service_id) = (Note::of(cx), service_id.to_owned());
    id.write(permit, "identity.service.delete", move |tx| {
        if !tx.delete::<Service>(&service_id) {
            return Err(Refusal::not_found("service", service_id.as_str()).into());
        }
        forbid_removal(tx, &service_id)?;
        gone::service(tx, &service_id);
        note.deleted(tx, "service", &service_id)
    })
    .await
}
