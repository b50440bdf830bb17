use crate::{
    Identity, Refusal,
    model::{User, user},
    ops::on::On,
    policy::{Authorize, users::GET_USER},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, user_id: &str) -> Result<Arc<User>> {
    let user = user::find(&id.view(), user_id);
    let _ = cx.authorize(&GET_USER, &On::default().with("user_id", user_id).user(user.as_deref()))?;
    user.ok_or_else(|| Refusal::not_found("user", user_id).into())
}
