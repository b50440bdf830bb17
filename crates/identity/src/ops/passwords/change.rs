//! A user changes the own password, with nothing to show but the old one.

use super::{Checked, check, check_new};
use crate::{
    Identity, Refusal,
    model::{
        Revocation, User,
        revocation::Subject,
        user::{self, Password},
    },
    ops::audit::Note,
};
use kernel::{Result, Timestamp};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};

#[derive(Deserialize)]
pub struct PasswordChange {
    pub original_password: String,
    pub password: String,
}

pub async fn change(id: &Identity, user_id: &str, change: PasswordChange, note: Note) -> Result<()> {
    let user = user::find(&id.view(), user_id);
    let user = match check(id, user, &change.original_password, note.clone()).await? {
        Checked::Right(user) | Checked::Expired(user) => user,
        Checked::Wrong(why) => return Err(Refusal::Unauthorized(why).into()),
    };
    check_new(&id.config().passwords, &change.password)?;
    allowed_now(id, &user)?;
    history(id, &user, &change.password).await?;
    let hash = id.passwords().hash(&change.password).await?;
    let (id, seen) = (id.clone(), user.password_hash().map(str::to_owned));
    let store = id.store().clone();
    store
        .transact("identity.user.password", move |tx| {
            // Read here and not before: every login that saw the old password began earlier.
            let now = id.now();
            let unchanged = tx.get::<User>(&user.id).filter(|u| !u.deleting && u.password_hash() == seen.as_deref());
            let Some(current) = unchanged else {
                return Err(Refusal::Unauthorized("password changed meanwhile").into());
            };
            let mut new = User::clone(&current);
            let expires = expiry(&id, now);
            let password = Password { hash: Some(hash.clone()), created: now, expires, self_service: true };
            new.set_password(password, id.config().passwords.unique_last.max(1));
            tx.put(new);
            tx.put(Revocation { subject: Subject::User(user.id.clone()), issued_before: now });
            note.updated(tx, "user", &user.id)
        })
        .await
}

/// When a password made now expires.
pub(crate) fn expiry(id: &Identity, now: Timestamp) -> Option<Timestamp> {
    let days = id.config().passwords.expires_days?;
    let at = now.plus(Duration::from_secs(u64::from(days) * 86_400));
    Some(Timestamp::from_secs(at.secs()))
}

fn allowed_now(id: &Identity, user: &Arc<User>) -> Result<()> {
    if user.option("lock_password") {
        let text = "You cannot change your password at this time due to password policy disallowing password changes. \
                    Please contact your administrator to reset your password.";
        return Err(Refusal::invalid(text).into());
    }
    let days = id.config().passwords.minimum_age_days;
    let Some(password) = user.password().filter(|p| p.self_service) else { return Ok(()) };
    let from = password.created.plus(Duration::from_secs(u64::from(days) * 86_400));
    let left = from.since(id.now());
    if days == 0 || left.is_zero() {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "You cannot change your password at this time due to the minimum password age. Once you change your password, it \
         must be used for {days} day(s) before it can be changed. Please try again in {} day(s) or contact your \
         administrator to reset your password.",
        left.as_secs() / 86_400
    ))
    .into())
}

async fn history(id: &Identity, user: &User, password: &str) -> Result<()> {
    let count = id.config().passwords.unique_last;
    let remembered = user.passwords.iter().rev().take(count).filter_map(|p| p.hash.clone()).collect();
    if count == 0 || !id.passwords().any_of(password, remembered).await? {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "The new password cannot be identical to a previous password. The total number which includes the new password \
         must be unique is {count}."
    ))
    .into())
}
