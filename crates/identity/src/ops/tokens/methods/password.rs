//! By password.

use super::{Proven, find_user};
use crate::{
    Identity, Refusal,
    model::token::Method,
    ops::{
        audit::Note,
        passwords::{Checked, check},
        tokens::login::PasswordLogin,
    },
};
use kernel::Result;

pub(super) async fn prove(id: &Identity, login: Option<&PasswordLogin>, note: &Note) -> Result<Proven> {
    let wanted = login.and_then(|p| p.user.as_ref());
    let wanted = wanted.ok_or(Refusal::Missing { attribute: "user", target: "password" })?;
    let user = find_user(&id.view(), wanted)?;
    match check(id, user, wanted.password.as_deref().unwrap_or_default(), note.clone()).await? {
        Checked::Right(user) => Ok(Proven::of(user, Method::Password)),
        Checked::Expired(user) => Err(Refusal::PasswordExpired(user.id.to_string()).into()),
        Checked::Wrong(why) => Err(Refusal::Unauthorized(why).into()),
    }
}
