//! Tokens ended before their time.

use super::{Purpose, Subject, show};
use crate::{
    Identity, Refusal,
    model::{Revocation, revocation, user},
    ops::{audit::Note, on::On},
    policy::{Authorize, tokens},
};
use kernel::{Ctx, Result};

/// Ends one token and, with `cascade`, those obtained with it.
pub async fn revoke(id: &Identity, cx: &Ctx, subject: &Subject<'_>, cascade: bool) -> Result<()> {
    let (found, permit) = show(id, cx, subject, Purpose::Revoke)?;
    let (note, this) = (Note::of(cx), id.clone());
    let own = found.payload.audit_ids.first().cloned().unwrap_or_default();
    id.write(permit, "identity.token.revoke", move |tx| {
        let issued_before = this.now();
        tx.put(Revocation { subject: revocation::Subject::Token(own.clone()), issued_before });
        if cascade {
            tx.put(Revocation { subject: revocation::Subject::Chain(own.clone()), issued_before });
        }
        note.deleted(tx, "token", &own)
    })
    .await
}

/// Ends all tokens of a user.
pub async fn revoke_user(id: &Identity, cx: &Ctx, user_id: &str) -> Result<()> {
    let user = user::find(&id.view(), user_id);
    let on = On::default().with("user_id", user_id).user(user.as_deref());
    let permit = cx.authorize(&tokens::REVOKE_TOKENS_FOR_USER, &on)?;
    let user = user.ok_or_else(|| Refusal::not_found("user", user_id))?;
    let (note, this) = (Note::of(cx), id.clone());
    id.write(permit, "identity.token.revoke_user", move |tx| {
        let subject = revocation::Subject::User(user.id.clone());
        tx.put(Revocation { subject, issued_before: this.now() });
        note.deleted(tx, "token", &user.id)
    })
    .await
}
