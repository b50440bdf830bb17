use super::primary;
use crate::{
    Identity, Refusal,
    model::{Credential, Fields},
    ops::{audit::Note, on::On},
    policy::{Authorize, credentials::DELETE_CREDENTIAL},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, credential_id: &str) -> Result<()> {
    let found = id.view().get::<Credential>(credential_id);
    let on = On::default().object("credential", found.as_deref().map(|c| c as &dyn Fields));
    let permit = cx.authorize(&DELETE_CREDENTIAL, &on)?;
    let found = found.ok_or_else(|| Refusal::not_found("credential", credential_id))?;
    primary(cx)?;
    let note = Note::of(cx);
    id.write(permit, "identity.credential.delete", move |tx| {
        if !tx.delete::<Credential>(&found.id) {
            return Err(Refusal::not_found("credential", found.id.as_str()).into());
        }
        note.deleted(tx, "credential", &found.id)
    })
    .await
}
