use crate::{
    Identity, Refusal,
    model::{
        Extra, Options, User, merge_options, project,
        user::{Failures, Password},
    },
    ops::{audit::Note, domain_in, domain_or_default, fields, names, on::On, passwords},
    policy::{Authorize, users::CREATE_USER},
};
use kernel::{Ctx, DomainId, ProjectId, Result, Timestamp, UserId};
use serde::Deserialize;
use std::sync::Arc;
use store::Snapshot;

#[derive(Deserialize)]
pub struct New {
    pub name: String,
    pub domain_id: Option<DomainId>,
    pub password: Option<String>,
    #[serde(default = "fields::yes")]
    pub enabled: bool,
    pub default_project_id: Option<ProjectId>,
    #[serde(default)]
    pub options: Options,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Arc<User>> {
    let on = On::default().maybe("target.user.domain_id", new.domain_id.as_deref());
    let permit = cx.authorize(&CREATE_USER, &on)?;
    if let Some(password) = &new.password {
        passwords::check_new(&id.config().passwords, password)?;
    }
    not_a_domain(&id.view(), new.default_project_id.as_deref())?;
    let hash = match &new.password {
        Some(password) => Some(id.passwords().hash(password).await?),
        None => None,
    };
    let domain = domain_or_default(id, cx, new.domain_id.clone());
    let note = Note::of(cx);
    let user = build(id, new, domain, hash, note.at());
    id.write(permit, "identity.user.create", move |tx| {
        domain_in(tx, &user.domain)?;
        names::claim(tx, "user", &User::name_space(&user.domain), &user.name, &user.domain, &user.id)?;
        note.created(tx, "user", &user.id)?;
        tx.insert(user.clone())
    })
    .await
}

fn build(id: &Identity, new: New, domain: DomainId, hash: Option<String>, now: Timestamp) -> User {
    let mut options = Options::new();
    merge_options(&mut options, &new.options);
    let mut user = User {
        id: UserId::new_hex(),
        name: new.name.trim().to_owned(),
        domain,
        enabled: new.enabled,
        default_project: new.default_project_id,
        options,
        extra: fields::kept(new.extra),
        passwords: Vec::new(),
        failures: Failures::default(),
        created: now,
        last_active: None,
        deleting: false,
    };
    if hash.is_some() {
        set_by_somebody_else(id, &mut user, hash, now);
    }
    user
}

/// A password that the user did not choose.
pub(super) fn set_by_somebody_else(id: &Identity, user: &mut User, hash: Option<String>, now: Timestamp) {
    let config = &id.config().passwords;
    let first_use = config.change_upon_first_use && !user.option("ignore_change_password_upon_first_use");
    let expires = if first_use { Some(now) } else { passwords::expiry(id, now) };
    user.set_password(Password { hash, created: now, expires, self_service: false }, config.unique_last.max(1));
}

pub(super) fn not_a_domain(view: &Snapshot, project: Option<&str>) -> Result<()> {
    match project.filter(|p| project::find_domain(view, p).is_some()) {
        None => Ok(()),
        Some(id) => Err(Refusal::invalid(format!("User's default project ID cannot be a domain ID: {id}")).into()),
    }
}
