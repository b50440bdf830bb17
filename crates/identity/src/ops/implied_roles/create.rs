use super::permitted;
use crate::{Identity, Refusal, model::Role, ops::audit::Note, policy::roles::CREATE_IMPLIED_ROLE};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub async fn create(id: &Identity, cx: &Ctx, prior: &str, implied: &str) -> Result<(Arc<Role>, Arc<Role>)> {
    let (prior, implied, permit) = permitted(id, cx, &CREATE_IMPLIED_ROLE, prior, implied)?;
    if id.config().prohibited_implied_roles.contains(&implied.name) {
        return Err(Refusal::forbidden(format!("{} cannot be an implied roles.", implied.id)).into());
    }
    if prior.domain.is_none() && implied.domain.is_some() {
        return Err(Refusal::forbidden("Global role cannot imply a domain-specific role").into());
    }
    let note = Note::of(cx);
    id.write(permit, "identity.role.imply", move |tx| {
        let alive = |role: Option<Arc<Role>>, id: &str| {
            role.filter(|r| !r.deleting).ok_or_else(|| kernel::Error::from(Refusal::not_found("role", id)))
        };
        let old = alive(tx.get(&prior.id), &prior.id)?;
        let implied = alive(tx.get(&implied.id), &implied.id)?;
        let mut new = Role::clone(&old);
        new.implies.insert(implied.id.clone());
        note.updated(tx, "role", &new.id)?;
        Ok((tx.put(new), implied))
    })
    .await
}
