use crate::{
    Identity, Refusal,
    model::{Project, effective, user},
    ops::{
        on::On,
        query::{Listed, Query},
    },
    policy::{Authorize, projects::LIST_USER_PROJECTS},
};
use kernel::{Ctx, Result};

/// The projects that a user has a role on.
pub fn of_user(id: &Identity, cx: &Ctx, user_id: &str, query: &Query) -> Result<Listed<Project>> {
    let view = id.view();
    let user = user::find(&view, user_id);
    let on = On::default().with("user_id", user_id).user(user.as_deref());
    let _ = cx.authorize(&LIST_USER_PROJECTS, &on)?;
    user.ok_or_else(|| Refusal::not_found("user", user_id))?;
    query.page(effective::projects_of(&view, user_id))
}
