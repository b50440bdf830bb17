use super::{Opened, ec2_blob, is_ec2, primary};
use crate::{
    Identity, Refusal,
    model::{Credential, Extra, Purpose, User, credential::OF_USER},
    ops::{audit::Note, fields, on::On},
    policy::{Authorize, credentials::CREATE_CREDENTIAL},
};
use kernel::{Ctx, ProjectId, Result, UserId, ids::uuid_hex};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt::Write;

#[derive(Deserialize)]
pub struct New {
    pub blob: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub user_id: UserId,
    pub project_id: Option<ProjectId>,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Opened> {
    let on = On::default().with("target.credential.user_id", &new.user_id).with("target.credential.type", &new.kind);
    let permit = cx.authorize(&CREATE_CREDENTIAL, &on)?;
    primary(cx)?;
    let credential = Credential {
        id: credential_id(&new)?,
        user: new.user_id,
        project: new.project_id,
        kind: new.kind,
        sealed: id.rings().seal(&id.view(), Purpose::Credentials, new.blob.as_bytes())?,
        extra: fields::kept(new.extra),
    };
    let (note, limit) = (Note::of(cx), id.config().credential_limit);
    let written = id.write(permit, "identity.credential.create", move |tx| {
        let count = i64::try_from(tx.view().count_by(OF_USER, &credential.user)).unwrap_or(i64::MAX);
        if limit >= 0 && count >= limit {
            let text =
                format!("Unable to create additional credentials, maximum of {limit} already exceeded for user.");
            return Err(Refusal::Forbidden(text).into());
        }
        // An owner may be unknown here (Keystone's users may live elsewhere), but not on the way out.
        if tx.get::<User>(&credential.user).is_some_and(|u| u.deleting) {
            return Err(Refusal::not_found("user", credential.user.as_str()).into());
        }
        if tx.get::<Credential>(&credential.id).is_some() {
            let details = format!("Duplicate entry found with ID {}", credential.id);
            return Err(Refusal::conflict("credential", details).into());
        }
        note.created(tx, "credential", &credential.id)?;
        Ok(tx.put(credential.clone()))
    });
    Ok(Opened { credential: written.await?, blob: new.blob })
}

/// An EC2 credential is found by its access key, so its id follows from that.
fn credential_id(new: &New) -> Result<String> {
    if !is_ec2(&new.kind) {
        return Ok(uuid_hex().to_string());
    }
    let blob = ec2_blob(&new.blob)?;
    Ok(id_of(blob["access"].as_str().unwrap_or_default()))
}

/// Of the credential with this access key.
pub(crate) fn id_of(access: &str) -> String {
    Sha256::digest(access).iter().fold(String::with_capacity(64), |mut hex, octet| {
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}
