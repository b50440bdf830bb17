use crate::{
    Identity, Refusal,
    model::{AccessRule, user},
    ops::{app_creds::not_delegated, on::On},
    policy::{Authorize, app_creds::GET_ACCESS_RULE},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, user_id: &str, rule_id: &str) -> Result<Arc<AccessRule>> {
    let view = id.view();
    let user = user::find(&view, user_id);
    let _ = cx.authorize(&GET_ACCESS_RULE, &On::default().with("user_id", user_id).user(user.as_deref()))?;
    not_delegated(cx)?;
    let found = view.get::<AccessRule>(rule_id).filter(|r| *r.user == *user_id);
    found.ok_or_else(|| Refusal::not_found("Access Rule", rule_id).into())
}
