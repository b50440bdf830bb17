use super::show::permitted;
use crate::{
    Identity, Refusal,
    model::{Role, immutable},
    ops::{
        audit::Note,
        removal::{self, Doomed},
    },
    policy::roles::{DELETE_DOMAIN_ROLE, DELETE_ROLE},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, role_id: &str) -> Result<()> {
    let (role, permit) = permitted(id, cx, [&DELETE_ROLE, &DELETE_DOMAIN_ROLE], role_id)?;
    let doomed = Doomed::Role(role.id.clone());
    removal::remove(id, permit, doomed, Note::of(cx), move |tx| match tx.get::<Role>(&role.id) {
        Some(current) if immutable(&current.options) => {
            Err(Refusal::ImmutableDelete { what: "role", id: role.id.to_string() }.into())
        }
        _ => Ok(()),
    })
    .await
}
