use super::show::permitted;
use crate::{
    Identity, Refusal,
    model::{Extra, Options, Role, immutable, merge_options},
    ops::{audit::Note, fields, names},
    policy::roles::{UPDATE_DOMAIN_ROLE, UPDATE_ROLE},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(default, deserialize_with = "fields::given")]
    pub domain_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    pub options: Option<Options>,
    #[serde(flatten)]
    pub extra: Extra,
}

impl Update {
    fn only_unlocks(&self) -> bool {
        let unlocks = |o: &Options| matches!(o.get("immutable"), Some(Value::Null | Value::Bool(false)));
        self.options.as_ref().is_some_and(unlocks)
            && self.name.is_none()
            && self.description.is_none()
            && self.extra.is_empty()
    }
}

pub async fn update(id: &Identity, cx: &Ctx, role_id: &str, update: Update) -> Result<Arc<Role>> {
    let (role, permit) = permitted(id, cx, [&UPDATE_ROLE, &UPDATE_DOMAIN_ROLE], role_id)?;
    if update.id.as_deref().is_some_and(|new| new != role_id) {
        return Err(Refusal::invalid("Cannot change ID").into());
    }
    if update.domain_id.as_ref().is_some_and(|new| new.as_deref() != role.domain.as_deref()) {
        return Err(Refusal::invalid("Update of `domain_id` is not allowed.").into());
    }
    let note = Note::of(cx);
    id.write(permit, "identity.role.update", move |tx| {
        let found = tx.get::<Role>(&role.id).filter(|r| !r.deleting);
        let old = found.ok_or_else(|| Refusal::not_found("role", role.id.as_str()))?;
        if immutable(&old.options) && !update.only_unlocks() {
            return Err(Refusal::ImmutableUpdate { what: "role", id: old.id.to_string() }.into());
        }
        let new = changed(&old, &update);
        let (space, domain) = (Role::name_space(new.domain.as_ref()), new.domain.as_deref().unwrap_or_default());
        names::rename(tx, "role", &space, (&old.name, &new.name), domain, &new.id)?;
        note.updated(tx, "role", &new.id)?;
        Ok(tx.put(new))
    })
    .await
}

fn changed(old: &Role, update: &Update) -> Role {
    let mut new = Role::clone(old);
    if let Some(name) = &update.name {
        new.name = name.trim().to_owned();
    }
    if let Some(description) = &update.description {
        new.description.clone_from(description);
    }
    if let Some(options) = &update.options {
        merge_options(&mut new.options, options);
    }
    new.extra.extend(fields::kept(update.extra.clone()));
    new
}
