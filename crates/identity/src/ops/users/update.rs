use super::create::{not_a_domain, set_by_somebody_else};
use crate::{
    Identity, Refusal,
    model::{Extra, Options, Revocation, User, merge_options, revocation::Subject, user, user::Failures},
    ops::{audit::Note, fields, names, on::On, passwords},
    policy::{Authorize, users::UPDATE_USER},
};
use kernel::{Ctx, ProjectId, Result, Timestamp};
use serde::Deserialize;
use std::sync::Arc;
use store::Tx;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(default, deserialize_with = "fields::given")]
    pub domain_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "fields::given")]
    pub password: Option<Option<String>>,
    pub enabled: Option<bool>,
    #[serde(default, deserialize_with = "fields::given")]
    pub default_project_id: Option<Option<ProjectId>>,
    #[serde(default)]
    pub options: Options,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn update(id: &Identity, cx: &Ctx, user_id: &str, update: Update) -> Result<Arc<User>> {
    let user = user::find(&id.view(), user_id);
    let on = On::default().with("user_id", user_id).user(user.as_deref());
    let permit = cx.authorize(&UPDATE_USER, &on)?;
    let user = user.ok_or_else(|| Refusal::not_found("user", user_id))?;
    judge(id, &user, &update)?;
    let hash = match &update.password {
        Some(Some(password)) => Some(id.passwords().hash(password).await?),
        _ => None,
    };
    let (note, this) = (Note::of(cx), id.clone());
    id.write(permit, "identity.user.update", move |tx| {
        let found = tx.get::<User>(&user.id).filter(|u| !u.deleting);
        let old = found.ok_or_else(|| Refusal::not_found("user", user.id.as_str()))?;
        let mut new = User::clone(&old);
        apply(&this, &mut new, &update, hash.clone(), &note);
        names::rename(tx, "user", &User::name_space(&new.domain), (&old.name, &new.name), &new.domain, &new.id)?;
        end_tokens(tx, &old, &new, this.now());
        note.updated(tx, "user", &new.id)?;
        Ok(tx.put(new))
    })
    .await
}

fn judge(id: &Identity, user: &User, update: &Update) -> Result<()> {
    if update.id.as_deref().is_some_and(|new| new != user.id.as_str()) {
        return Err(Refusal::invalid("Cannot change user ID").into());
    }
    if update.domain_id.as_ref().is_some_and(|new| new.as_deref() != Some(user.domain.as_str())) {
        return Err(Refusal::invalid("Cannot change Domain ID").into());
    }
    if let Some(Some(password)) = &update.password {
        passwords::check_new(&id.config().passwords, password)?;
    }
    not_a_domain(&id.view(), update.default_project_id.as_ref().and_then(|p| p.as_deref()))
}

fn apply(id: &Identity, user: &mut User, update: &Update, hash: Option<String>, note: &Note) {
    if let Some(name) = &update.name {
        user.name = name.trim().to_owned();
    }
    if let Some(enabled) = update.enabled {
        user.enabled = enabled;
        if enabled {
            user.failures = Failures::default();
            user.last_active = Some(note.at());
        }
    }
    if let Some(project) = &update.default_project_id {
        user.default_project.clone_from(project);
    }
    merge_options(&mut user.options, &update.options);
    user.extra.extend(fields::kept(update.extra.clone()));
    if update.password.is_some() {
        set_by_somebody_else(id, user, hash, note.at());
    }
}

/// A new password ends what the old one opened; so does disabling, even if the user is enabled again. `now` is read in the
/// transaction: every login that saw the old state began earlier.
fn end_tokens(tx: &mut Tx, old: &User, new: &User, now: Timestamp) {
    let disabled = old.enabled && !new.enabled;
    if disabled || old.password_hash() != new.password_hash() {
        tx.put(Revocation { subject: Subject::User(new.id.clone()), issued_before: now });
    }
}
