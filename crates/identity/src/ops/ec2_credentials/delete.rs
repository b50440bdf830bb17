use super::find;
use crate::{Identity, Refusal, model::Credential, ops::audit::Note, policy::ec2::EC2_DELETE_CREDENTIAL};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, user_id: &str, access: &str) -> Result<()> {
    let (found, permit) = find(id, cx, &EC2_DELETE_CREDENTIAL, user_id, access)?;
    let note = Note::of(cx);
    id.write(permit, "identity.ec2_credential.delete", move |tx| {
        let credential = &found.credential.id;
        if !tx.delete::<Credential>(credential) {
            return Err(Refusal::not_found("credential", credential.as_str()).into());
        }
        note.deleted(tx, "credential", credential)
    })
    .await
}
