use crate::{
    Identity, Refusal,
    model::group,
    ops::{
        audit::Note,
        on::On,
        removal::{self, Doomed},
    },
    policy::{Authorize, groups::DELETE_GROUP},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, group_id: &str) -> Result<()> {
    // Keystone looks for it before it asks: 404 for whoever asks.
    let group = group::find(&id.view(), group_id).ok_or_else(|| Refusal::not_found("group", group_id))?;
    let on = On::default().with("group_id", group_id).group(Some(&group));
    let permit = cx.authorize(&DELETE_GROUP, &on)?;
    removal::remove(id, permit, Doomed::Group(group.id.clone()), Note::of(cx), |_| Ok(())).await
}
