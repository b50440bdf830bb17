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
    let group = group::find(&id.view(), group_id);
    let on = On::default().with("group_id", group_id).group(group.as_deref());
    let permit = cx.authorize(&DELETE_GROUP, &on)?;
    let group = group.ok_or_else(|| Refusal::not_found("group", group_id))?;
    removal::remove(id, permit, Doomed::Group(group.id.clone()), Note::of(cx), |_| Ok(())).await
}
