use super::unused;
use crate::{
    Identity,
    model::RegisteredLimit,
    ops::audit::Note,
    policy::{Authorize, limits::DELETE_REGISTERED_LIMIT},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, limit_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_REGISTERED_LIMIT, &())?;
    let (note, limit_id) = (Note::of(cx), limit_id.to_owned());
    id.write(permit, "identity.registered_limit.delete", move |tx| {
        let limit = unused(tx, &limit_id)?;
        tx.release_unique(RegisteredLimit::NAMES, &limit.resource.key(), &limit.id);
        tx.delete::<RegisteredLimit>(&limit_id);
        note.deleted(tx, "registered_limit", &limit_id)
    })
    .await
}
