use super::{Blob, Ec2, KIND};
use crate::{
    Identity, Refusal,
    model::{Credential, Extra, Project, Purpose, User, user},
    ops::{
        audit::Note,
        credentials::{id_of, primary},
        on::On,
        project_or_404,
    },
    policy::{Authorize, ec2::EC2_CREATE_CREDENTIAL},
};
use kernel::{Ctx, ProjectId, Result, UserId, ids::uuid_hex};
use serde_json::json;

pub async fn create(id: &Identity, cx: &Ctx, user_id: &str, project: Option<&str>) -> Result<Ec2> {
    let on = On::default().with("user_id", user_id).with("target.credential.user_id", user_id);
    let permit = cx.authorize(&EC2_CREATE_CREDENTIAL, &on)?;
    let view = id.view();
    user::find(&view, user_id).ok_or_else(|| Refusal::not_found("user", user_id))?;
    let project = project.ok_or(Refusal::Missing { attribute: "tenant_id", target: "request body" })?;
    project_or_404(&view, project)?;
    primary(cx)?;
    let (access, secret) = (uuid_hex().to_string(), uuid_hex().to_string());
    let blob = json!({"access": access, "secret": secret, "trust_id": null}).to_string();
    let credential = Credential {
        id: id_of(&access),
        user: UserId::from(user_id),
        project: Some(ProjectId::from(project)),
        kind: KIND.to_owned(),
        sealed: id.rings().seal(&view, Purpose::Credentials, blob.as_bytes())?,
        extra: Extra::new(),
    };
    let note = Note::of(cx);
    let written = id.write(permit, "identity.ec2_credential.create", move |tx| {
        if tx.get::<User>(&credential.user).is_none_or(|u| u.deleting) {
            return Err(Refusal::not_found("user", credential.user.as_str()).into());
        }
        let project = credential.project.as_deref().unwrap_or_default();
        if tx.get::<Project>(project).is_none_or(|p| p.deleting) {
            return Err(Refusal::not_found("project", project).into());
        }
        note.created(tx, "credential", &credential.id)?;
        tx.insert(credential.clone())
    });
    let blob = Blob { access, secret, trust_id: None, app_cred_id: None, access_token_id: None };
    Ok(Ec2 { credential: written.await?, blob })
}
