use crate::{
    Identity, Refusal,
    model::{Group, group, user},
    ops::{
        on::On,
        query::{Listed, Query},
    },
    policy::{Authorize, groups::LIST_GROUPS_FOR_USER},
};
use kernel::{Ctx, Result};

/// The groups of a user.
pub fn groups_of(id: &Identity, cx: &Ctx, user_id: &str, query: &Query) -> Result<Listed<Group>> {
    let view = id.view();
    let user = user::find(&view, user_id);
    let on = On::default().with("user_id", user_id).user(user.as_deref());
    let _ = cx.authorize(&LIST_GROUPS_FOR_USER, &on)?;
    user.ok_or_else(|| Refusal::not_found("user", user_id))?;
    let scope = cx.credentials.domain();
    query.page(group::of_user(&view, user_id).filter(|g| scope.is_none_or(|d| g.domain == *d)))
}
