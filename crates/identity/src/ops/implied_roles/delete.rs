use super::permitted;
use crate::{Identity, Refusal, model::Role, ops::audit::Note, policy::roles::DELETE_IMPLIED_ROLE};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, prior: &str, implied: &str) -> Result<()> {
    let (prior, implied, permit) = permitted(id, cx, &DELETE_IMPLIED_ROLE, prior, implied)?;
    let note = Note::of(cx);
    id.write(permit, "identity.role.imply", move |tx| {
        let old = tx.get::<Role>(&prior.id).filter(|r| !r.deleting && r.implies.contains(&implied.id));
        let old =
            old.ok_or_else(|| Refusal::NotImplied { prior: prior.id.to_string(), implied: implied.id.to_string() })?;
        let mut new = Role::clone(&old);
        new.implies.remove(&implied.id);
        note.updated(tx, "role", &new.id)?;
        tx.put(new);
        Ok(())
    })
    .await
}
