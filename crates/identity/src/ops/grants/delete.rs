use super::{Grant, Missing, absent};
use crate::{Identity, model::Assignment, ops::audit::Note};
use kernel::{Ctx, Result};

/// Tokens that rested on the role end with it: roles are looked up at every validation.
pub async fn delete(id: &Identity, cx: &Ctx, grant: &Grant, role: &str) -> Result<()> {
    let (_, permit) = grant.permitted(id, cx, grant.rules().revoke, Some(role), Missing::IsFine)?;
    let (assignment, note) = (grant.of(role), Note::of(cx));
    id.write(permit, "identity.grant.delete", move |tx| {
        if !tx.delete::<Assignment>(&assignment.id()) {
            return Err(absent(&assignment).into());
        }
        note.revoked(tx, &assignment)
    })
    .await
}
