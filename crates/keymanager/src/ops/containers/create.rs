//! Makes a container of secrets of the caller's project.

use crate::{
    KeyManager, error,
    model::{Container, ContainerKind, Member, Secret},
    policy,
    service::{authorize, claim},
};
use kernel::{Ctx, Error, ProjectId, Result, Timestamp};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};
use store::Tx;

#[derive(Debug, Deserialize)]
pub(crate) struct NewContainer {
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: ContainerKind,
    #[serde(default, rename = "secret_refs")]
    pub(crate) members: Vec<MemberRef>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct MemberRef {
    pub(crate) name: Option<String>,
    pub(crate) secret_ref: String,
}

impl MemberRef {
    /// The id at the reference's end.
    pub(crate) fn secret(&self) -> &str {
        let text = self.secret_ref.trim_end_matches('/');
        text.rsplit_once('/').map_or(text, |(_, id)| id)
    }
}

/// `base`: where references to secrets of this cloud begin.
pub(crate) async fn create(service: &KeyManager, cx: &Ctx, base: &str, new: NewContainer) -> Result<Arc<Container>> {
    const CREATION: &str = "Container creation";
    let permit = authorize(cx, &policy::CONTAINERS_POST, CREATION)?;
    check(&new, base)?;
    let container = Container {
        id: kernel::ids::uuid_dashed().to_string(),
        project: cx.project()?.clone(),
        creator: cx.credentials.user.clone(),
        name: new.name.clone(),
        kind: new.kind,
        members: new.members.iter().map(|m| Member { name: m.name.clone(), secret: m.secret().to_owned() }).collect(),
        access: None,
        consumers: Vec::new(),
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    let write = move |tx: &mut Tx| {
        claim(tx, &container.project, "containers", CREATION)?;
        for member in &container.members {
            if !has(tx, &container.project, &member.secret, container.created_at) {
                let name = member.name.as_deref().unwrap_or("None");
                return Err(Error::not_found(format!("Secret provided for '{name}' doesn't exist.")));
            }
        }
        Ok(tx.put(container.clone()))
    };
    service.write(permit, "keymanager.container.create", write).await
}

/// Whether a project has this secret.
pub(super) fn has(tx: &mut Tx, project: &ProjectId, secret: &str, now: Timestamp) -> bool {
    tx.get::<Secret>(secret).is_some_and(|s| s.project == *project && !s.is_expired(now))
}

fn check(new: &NewContainer, base: &str) -> Result<()> {
    let names: BTreeSet<&str> = new.members.iter().map(|m| m.name.as_deref().unwrap_or_default()).collect();
    let wrong = |text: &str| Err(error::unfit("Container", "secret_refs", text));
    if names.len() != new.members.len() {
        return wrong("Duplicate reference names are not allowed");
    }
    if new.members.iter().map(MemberRef::secret).collect::<BTreeSet<_>>().len() != new.members.len() {
        return wrong("Duplicate secret ids are not allowed");
    }
    if new.members.iter().any(|m| !m.secret_ref.starts_with(base)) {
        return Err(Error::bad_request("Provided field value is not supported"));
    }
    if new.members.is_empty() {
        return Ok(());
    }
    let has_all = |wanted: &[&str]| wanted.iter().all(|name| names.contains(name));
    let has_other = |known: &[&str]| names.iter().any(|name| !known.contains(name));
    match new.kind {
        ContainerKind::Rsa if has_other(&["public_key", "private_key", "private_key_passphrase"]) => wrong(
            "only 'private_key', 'public_key' and 'private_key_passphrase' reference names are allowed for RSA type",
        ),
        ContainerKind::Rsa if !has_all(&["public_key", "private_key"]) => {
            wrong("The minimum required reference names are 'public_key' and'private_key' for RSA type")
        }
        ContainerKind::Certificate
            if has_other(&["certificate", "private_key", "private_key_passphrase", "intermediates"]) =>
        {
            wrong(
                "only 'private_key', 'certificate' , 'private_key_passphrase',  or 'intermediates' reference names are \
                 allowed for Certificate type",
            )
        }
        ContainerKind::Certificate if !has_all(&["certificate"]) => {
            wrong("The minimum required reference name is 'certificate' for Certificate type")
        }
        ContainerKind::Generic | ContainerKind::Rsa | ContainerKind::Certificate => Ok(()),
    }
}
