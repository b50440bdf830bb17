use super::not_given;
use crate::{
    Identity,
    model::ProjectEndpoint,
    ops::audit::Note,
    policy::{Authorize, endpoint_filter::REMOVE_ENDPOINT_FROM_PROJECT},
};
use kernel::{Ctx, Result};

pub async fn remove(id: &Identity, cx: &Ctx, project_id: &str, endpoint_id: &str) -> Result<()> {
    let permit = cx.authorize(&REMOVE_ENDPOINT_FROM_PROJECT, &())?;
    let (note, key) = (Note::of(cx), ProjectEndpoint::id(project_id, endpoint_id));
    let gone = not_given(endpoint_id, project_id);
    id.write(permit, "identity.project_endpoint.remove", move |tx| {
        if !tx.delete::<ProjectEndpoint>(&key) {
            return Err(gone.clone().into());
        }
        note.deleted(tx, "endpoint_association", &key)
    })
    .await
}
