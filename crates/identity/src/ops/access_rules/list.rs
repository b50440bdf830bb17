use crate::{
    Identity,
    model::{AccessRule, app_cred::RULES_OF_USER, user},
    ops::{
        app_creds::not_delegated,
        on::On,
        query::{Listed, Query},
    },
    policy::{Authorize, app_creds::LIST_ACCESS_RULES},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["service", "path", "method"];

pub fn list(id: &Identity, cx: &Ctx, user_id: &str, query: &Query) -> Result<Listed<AccessRule>> {
    let view = id.view();
    let user = user::find(&view, user_id);
    let _ = cx.authorize(&LIST_ACCESS_RULES, &On::default().with("user_id", user_id).user(user.as_deref()))?;
    not_delegated(cx)?;
    query.page(view.by(RULES_OF_USER, user_id))
}
