//! EC2 credentials: an access key and a secret for a user on a project, in the shape of old. They are credentials of type
//! `ec2`, found by the hash of their access key.

mod create;
mod delete;
mod list;
mod show;

pub use create::create;
pub use delete::delete;
pub use list::list;
pub use show::show;

use crate::policy::{Authorize, Permit};
use crate::{
    Identity, Refusal,
    model::{Credential, Fields, Purpose, user},
    ops::{credentials::primary, on::On},
};
use ::policy::Rule;
use kernel::{Ctx, Error, Result};
use serde::Deserialize;
use std::sync::Arc;
use store::Snapshot;

pub(crate) const KIND: &str = "ec2";

/// What is sealed in it.
#[derive(Clone, Deserialize)]
pub struct Blob {
    pub access: String,
    #[serde(default)]
    pub secret: String,
    pub trust_id: Option<String>,
    pub app_cred_id: Option<String>,
    pub access_token_id: Option<String>,
}

#[derive(Clone)]
pub struct Ec2 {
    pub credential: Arc<Credential>,
    pub blob: Blob,
}

/// By its access key; `None`: there is none, or it is none of EC2.
pub(crate) fn by_access_key(id: &Identity, view: &Snapshot, access: &str) -> Result<Option<Ec2>> {
    let found =
        view.get::<Credential>(&crate::ops::credentials::id_of(access)).filter(|c| c.kind.eq_ignore_ascii_case(KIND));
    found.map(|credential| open(id, view, credential)).transpose()
}

fn open(id: &Identity, view: &Snapshot, credential: Arc<Credential>) -> Result<Ec2> {
    let content = id.rings().open(view, Purpose::Credentials, &credential.sealed)?;
    let lost = || Error::internal(format!("opening the EC2 credential {}", credential.id));
    let blob = content.and_then(|octets| serde_json::from_slice(&octets).ok()).ok_or_else(lost)?;
    Ok(Ec2 { credential, blob })
}

/// One of them, for who may do `rule` to it. As in Keystone it is 404 before anybody is asked; keys are random.
fn find(id: &Identity, cx: &Ctx, rule: &'static Rule, user_id: &str, access: &str) -> Result<(Ec2, Permit)> {
    let view = id.view();
    let absent = || Refusal::not_found("credential", crate::ops::credentials::id_of(access));
    let found = view.get::<Credential>(&crate::ops::credentials::id_of(access)).ok_or_else(absent)?;
    let on = On::default().with("user_id", user_id).object("credential", Some(&*found as &dyn Fields));
    let permit = cx.authorize(rule, &on)?;
    user::find(&view, user_id).ok_or_else(|| Refusal::not_found("user", user_id))?;
    if !found.kind.eq_ignore_ascii_case(KIND) {
        return Err(Refusal::Unauthorized("that is no EC2 credential").into());
    }
    primary(cx)?;
    Ok((open(id, &view, found)?, permit))
}
