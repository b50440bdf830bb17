use crate::{
    Identity, Refusal,
    model::{User, group, group::OF_GROUP, user},
    ops::{
        on::On,
        query::{Listed, Query},
        users::Expires,
    },
    policy::{Authorize, groups::LIST_USERS_IN_GROUP},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

/// The users of a group.
pub fn list(id: &Identity, cx: &Ctx, group_id: &str, query: &Query, expires: Option<&str>) -> Result<Listed<User>> {
    let view = id.view();
    let group = group::find(&view, group_id);
    let _ = cx.authorize(&LIST_USERS_IN_GROUP, &On::default().with("group_id", group_id).group(group.as_deref()))?;
    group.ok_or_else(|| Refusal::not_found("group", group_id))?;
    let expires = expires.map(Expires::parse).transpose()?;
    let scope = cx.credentials.domain();
    let wanted = |u: &Arc<User>| scope.is_none_or(|d| u.domain == *d) && expires.as_ref().is_none_or(|e| e.holds(u));
    query.page(view.by(OF_GROUP, group_id).filter_map(|m| user::find(&view, &m.user)).filter(wanted))
}
