use super::{Opened, ec2_blob, is_ec2, open, primary};
use crate::{
    Identity, Refusal,
    model::{Credential, Fields, Purpose},
    ops::{audit::Note, on::On},
    policy::{Authorize, credentials::UPDATE_CREDENTIAL},
};
use kernel::{Ctx, Result};
use serde::Deserialize;

/// Only what it contains can change; who owns it and what it is for cannot.
#[derive(Deserialize)]
pub struct Update {
    pub blob: String,
}

pub async fn update(id: &Identity, cx: &Ctx, credential_id: &str, update: Update) -> Result<Opened> {
    let view = id.view();
    let found = view.get::<Credential>(credential_id);
    let on = On::default().object("credential", found.as_deref().map(|c| c as &dyn Fields));
    let permit = cx.authorize(&UPDATE_CREDENTIAL, &on)?;
    let found = found.ok_or_else(|| Refusal::not_found("credential", credential_id))?;
    primary(cx)?;
    if is_ec2(&found.kind) {
        same_scope(&open(id, &view, found.clone())?.blob, &update.blob)?;
    }
    let sealed = id.rings().seal(&view, Purpose::Credentials, update.blob.as_bytes())?;
    let note = Note::of(cx);
    let written = id.write(permit, "identity.credential.update", move |tx| {
        let old = tx.get::<Credential>(&found.id);
        let old = old.ok_or_else(|| Refusal::not_found("credential", found.id.as_str()))?;
        note.updated(tx, "credential", &old.id)?;
        Ok(tx.put(Credential { sealed: sealed.clone(), ..Credential::clone(&old) }))
    });
    Ok(Opened { credential: written.await?, blob: update.blob })
}

/// What limits an EC2 credential cannot be taken off it.
fn same_scope(old: &str, new: &str) -> Result<()> {
    let (new, old) = (ec2_blob(new)?, serde_json::from_str::<serde_json::Value>(old).unwrap_or_default());
    for key in ["trust_id", "app_cred_id", "access_token_id", "access_id"] {
        if old.get(key) != new.get(key) {
            return Err(Refusal::Invalid(format!("{key} can not be updated for credential")).into());
        }
    }
    Ok(())
}
