use crate::{
    Identity, Refusal,
    model::{Extra, Group, group},
    ops::{audit::Note, fields, names, on::On},
    policy::{Authorize, groups::UPDATE_GROUP},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(default, deserialize_with = "fields::given")]
    pub domain_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn update(id: &Identity, cx: &Ctx, group_id: &str, update: Update) -> Result<Arc<Group>> {
    let group = group::find(&id.view(), group_id);
    let on = On::default().with("group_id", group_id).group(group.as_deref());
    let permit = cx.authorize(&UPDATE_GROUP, &on)?;
    let group = group.ok_or_else(|| Refusal::not_found("group", group_id))?;
    if update.id.as_deref().is_some_and(|new| new != group_id) {
        return Err(Refusal::invalid("Cannot change ID").into());
    }
    if update.domain_id.as_ref().is_some_and(|new| new.as_deref() != Some(group.domain.as_str())) {
        return Err(Refusal::invalid("Cannot change Domain ID").into());
    }
    let note = Note::of(cx);
    id.write(permit, "identity.group.update", move |tx| {
        let found = tx.get::<Group>(&group.id).filter(|g| !g.deleting);
        let old = found.ok_or_else(|| Refusal::not_found("group", group.id.as_str()))?;
        let mut new = Group::clone(&old);
        if let Some(name) = &update.name {
            new.name = name.trim().to_owned();
        }
        if let Some(description) = &update.description {
            new.description.clone_from(description);
        }
        new.extra.extend(fields::kept(update.extra.clone()));
        names::rename(tx, "group", &Group::name_space(&new.domain), (&old.name, &new.name), &new.domain, &new.id)?;
        note.updated(tx, "group", &new.id)?;
        Ok(tx.put(new))
    })
    .await
}
