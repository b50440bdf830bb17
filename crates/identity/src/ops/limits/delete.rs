use super::{absent, drop_limit};
use crate::{
    Identity,
    model::Limit,
    ops::audit::Note,
    policy::{Authorize, limits::DELETE_LIMIT},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, limit_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_LIMIT, &())?;
    let (note, limit_id) = (Note::of(cx), limit_id.to_owned());
    id.write(permit, "identity.limit.delete", move |tx| {
        let limit = tx.get::<Limit>(&limit_id).ok_or_else(|| absent(&limit_id))?;
        drop_limit(tx, &limit);
        note.deleted(tx, "limit", &limit_id)
    })
    .await
}
