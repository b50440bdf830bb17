use crate::{
    Identity, Refusal,
    model::user,
    ops::{
        audit::Note,
        on::On,
        removal::{self, Doomed},
    },
    policy::{Authorize, users::DELETE_USER},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, user_id: &str) -> Result<()> {
    let user = user::find(&id.view(), user_id);
    let on = On::default().with("user_id", user_id).user(user.as_deref());
    let permit = cx.authorize(&DELETE_USER, &on)?;
    let user = user.ok_or_else(|| Refusal::not_found("user", user_id))?;
    removal::remove(id, permit, Doomed::User(user.id.clone()), Note::of(cx), |_| Ok(())).await
}
