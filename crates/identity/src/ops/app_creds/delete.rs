use super::{not_delegated, unrestricted};
use crate::{
    Identity, Refusal,
    model::ApplicationCredential,
    ops::{audit::Note, on::On},
    policy::{Authorize, app_creds::DELETE_APPLICATION_CREDENTIAL},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, user_id: &str, app_cred_id: &str) -> Result<()> {
    let found = id.view().get::<ApplicationCredential>(app_cred_id);
    let owner = found.as_ref().map_or(user_id, |a| a.user.as_str());
    let permit = cx.authorize(&DELETE_APPLICATION_CREDENTIAL, &On::default().with("user_id", owner))?;
    not_delegated(cx)?;
    unrestricted(cx)?;
    let found = found.ok_or_else(|| Refusal::not_found("Application Credential", app_cred_id))?;
    let note = Note::of(cx);
    id.write(permit, "identity.application_credential.delete", move |tx| {
        if !tx.delete::<ApplicationCredential>(&found.id) {
            return Err(Refusal::not_found("Application Credential", found.id.as_str()).into());
        }
        tx.release_unique(&ApplicationCredential::name_space(&found.user), &found.name, &found.id);
        note.deleted(tx, "application_credential", &found.id)
    })
    .await
}
