//! By an application credential's secret.

use super::{Lent, Proven, find_user, user_by_id};
use crate::{
    Identity, Refusal,
    model::{
        ApplicationCredential,
        app_cred::OF_USER,
        token::{Lender, Method, ScopeId},
    },
    ops::{audit::Note, tokens::login::AppCredLogin},
};
use kernel::Result;
use std::sync::Arc;
use store::Snapshot;

pub(super) async fn prove(id: &Identity, login: Option<&AppCredLogin>, note: &Note) -> Result<Proven> {
    let login = login.ok_or(Refusal::Missing { attribute: "application_credential", target: "identity" })?;
    let view = id.view();
    let found = find(&view, login)?;
    let stored = found.as_ref().map(|a| a.secret_hash.as_str());
    let subject = found.as_ref().map_or("", |a| a.id.as_str());
    let secret = login.secret.as_deref().unwrap_or_default();
    let right = id.passwords().verify(subject, secret, stored).await?;
    let wrong = || Refusal::Unauthorized("invalid application credential or secret");
    let app_cred = found.filter(|a| right && !a.expired(id.now())).ok_or_else(wrong)?;
    let inactive_days = id.config().passwords.disable_after_inactive_days;
    let user = user_by_id(&view, &app_cred.user).filter(|u| u.active(inactive_days, id.now())).ok_or_else(wrong)?;
    let (note, who) = (note.clone(), user.id.clone());
    id.store().transact("identity.login", move |tx| note.login(tx, &who, "success", None)).await?;
    let lent = Lent {
        by: Lender::ApplicationCredential(app_cred.id.clone()),
        scope: ScopeId::Project(app_cred.project.clone()),
        expires: app_cred.expires,
    };
    Ok(Proven { lent: Some(lent), ..Proven::of(user, Method::ApplicationCredential) })
}

fn find(view: &Snapshot, login: &AppCredLogin) -> Result<Option<Arc<ApplicationCredential>>> {
    match (login.id.as_deref(), login.name.as_deref(), &login.user) {
        (Some(id), ..) => Ok(view.get::<ApplicationCredential>(id)),
        (None, Some(name), Some(owner)) => {
            let owner = find_user(view, owner)?;
            Ok(owner.and_then(|u| view.by(OF_USER, &u.id).find(|a| a.name == name)))
        }
        (None, Some(_), None) => Err(Refusal::Missing { attribute: "user", target: "application credential" }.into()),
        (None, None, _) => Err(Refusal::Missing { attribute: "name or ID", target: "application credential" }.into()),
    }
}
