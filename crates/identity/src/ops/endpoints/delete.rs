use crate::{
    Identity,
    model::Endpoint,
    ops::{audit::Note, catalog::gone, found::found_in},
    policy::{Authorize, catalog::DELETE_ENDPOINT},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, endpoint_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_ENDPOINT, &())?;
    let (note, endpoint_id) = (Note::of(cx), endpoint_id.to_owned());
    id.write(permit, "identity.endpoint.delete", move |tx| {
        let found = found_in::<Endpoint>(tx, "endpoint", &endpoint_id)?;
        gone::endpoint(tx, &found);
        note.deleted(tx, "endpoint", &endpoint_id)
    })
    .await
}
