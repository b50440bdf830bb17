use crate::{
    Identity, Refusal,
    model::{Endpoint, Service, catalog::OF_SERVICE},
    ops::audit::Note,
    policy::{Authorize, catalog::DELETE_SERVICE},
};
use kernel::{Ctx, Result};

/// Its endpoints go with it.
pub async fn delete(id: &Identity, cx: &Ctx, service_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_SERVICE, &())?;
    let (note, service_id) = (Note::of(cx), service_id.to_owned());
    id.write(permit, "identity.service.delete", move |tx| {
        if !tx.delete::<Service>(&service_id) {
            return Err(Refusal::not_found("service", service_id.as_str()).into());
        }
        for endpoint in tx.by(OF_SERVICE, &service_id) {
            tx.delete::<Endpoint>(&endpoint.id);
        }
        note.deleted(tx, "service", &service_id)
    })
    .await
}
