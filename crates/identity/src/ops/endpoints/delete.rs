use crate::{
    Identity, Refusal,
    model::Endpoint,
    ops::audit::Note,
    policy::{Authorize, catalog::DELETE_ENDPOINT},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, endpoint_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_ENDPOINT, &())?;
    let (note, endpoint_id) = (Note::of(cx), endpoint_id.to_owned());
    id.write(permit, "identity.endpoint.delete", move |tx| {
        if !tx.delete::<Endpoint>(&endpoint_id) {
            return Err(Refusal::not_found("endpoint", endpoint_id.as_str()).into());
        }
        note.deleted(tx, "endpoint", &endpoint_id)
    })
    .await
}
