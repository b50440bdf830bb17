use super::create::conflict;
use crate::{
    Identity, Refusal,
    model::{Extra, Options, Project, immutable, merge_options, project},
    ops::{audit::Note, fields, on::On, project_or_404},
    policy::{Authorize, Permit, projects::UPDATE_PROJECT},
};
use kernel::{Ctx, Result};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};
use store::{Taken, Tx};

#[derive(Clone, Deserialize)]
pub struct Update {
    pub id: Option<String>,
    pub name: Option<String>,
    #[serde(default, deserialize_with = "fields::given")]
    pub domain_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "fields::given")]
    pub parent_id: Option<Option<String>>,
    pub is_domain: Option<bool>,
    pub enabled: Option<bool>,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    pub tags: Option<BTreeSet<String>>,
    pub options: Option<Options>,
    #[serde(flatten)]
    pub extra: Extra,
}

impl Update {
    /// All that an immutable resource lets through: becoming mutable, and nothing else in the same request.
    fn only_unlocks(&self) -> bool {
        let unlocks = |o: &Options| matches!(o.get("immutable"), Some(Value::Null | Value::Bool(false)));
        self.options.as_ref().is_some_and(unlocks)
            && self.name.is_none()
            && self.enabled.is_none()
            && self.description.is_none()
            && self.tags.is_none()
            && self.extra.is_empty()
    }
}

pub async fn update(id: &Identity, cx: &Ctx, project_id: &str, update: Update) -> Result<Arc<Project>> {
    let found = project::find(&id.view(), project_id);
    let on = On::default().with("project_id", project_id).project(found.as_deref());
    let permit = cx.authorize(&UPDATE_PROJECT, &on)?;
    project_or_404(&id.view(), project_id)?;
    update_as(id, cx, permit, "project", project_id, update).await
}

/// Changes a project, or a domain as `what`.
pub(crate) async fn update_as(
    id: &Identity,
    cx: &Ctx,
    permit: Permit,
    what: &'static str,
    project_id: &str,
    update: Update,
) -> Result<Arc<Project>> {
    if update.id.as_deref().is_some_and(|new| new != project_id) {
        return Err(Refusal::invalid("Cannot change ID").into());
    }
    let (note, project_id) = (Note::of(cx), project_id.to_owned());
    id.write(permit, "identity.project.update", move |tx| {
        let found = tx.get::<Project>(&project_id).filter(|p| !p.deleting);
        let old = found.ok_or_else(|| Refusal::not_found(what, project_id.as_str()))?;
        judge(tx, what, &old, &update)?;
        let new = changed(&old, &update);
        if new.name != old.name {
            let space = Project::name_space(new.domain.as_ref());
            tx.claim_unique(&space, &new.name, &new.id).map_err(|Taken { .. }| conflict(&new))?;
            tx.release_unique(&space, &old.name, &old.id);
        }
        note.updated(tx, what, &new.id)?;
        Ok(tx.put(new))
    })
    .await
}

fn judge(tx: &mut Tx, what: &'static str, old: &Project, update: &Update) -> Result<()> {
    if update.domain_id.as_ref().is_some_and(|new| new.as_deref() != old.domain.as_deref()) {
        return Err(Refusal::invalid("Cannot change Domain ID").into());
    }
    if immutable(&old.options) && !update.only_unlocks() {
        return Err(Refusal::ImmutableUpdate { what, id: old.id.to_string() }.into());
    }
    if update.parent_id.as_ref().is_some_and(|new| new.as_deref() != old.parent.as_deref()) {
        return Err(Refusal::forbidden("Update of `parent_id` is not allowed.").into());
    }
    if update.is_domain.is_some_and(|new| new != old.is_domain()) {
        return Err(Refusal::invalid("Update of `is_domain` is not allowed.").into());
    }
    match update.enabled {
        Some(true) if !old.enabled && project::parents(tx.view(), old).iter().any(|p| !p.enabled) => {
            Err(Refusal::forbidden(format!("Cannot enable project {} since it has disabled parents", old.id)).into())
        }
        // A domain may be disabled whatever is in it: that disables it all.
        Some(false)
            if old.enabled && !old.is_domain() && project::subtree(tx.view(), &old.id).iter().any(|p| p.enabled) =>
        {
            Err(Refusal::forbidden(format!(
                "Cannot disable project {} since its subtree contains enabled projects.",
                old.id
            ))
            .into())
        }
        _ => Ok(()),
    }
}

fn changed(old: &Project, update: &Update) -> Project {
    let mut new = Project::clone(old);
    if let Some(name) = &update.name {
        new.name = name.trim().to_owned();
    }
    if let Some(enabled) = update.enabled {
        new.enabled = enabled;
    }
    if let Some(description) = &update.description {
        new.description.clone_from(description);
    }
    if let Some(tags) = &update.tags {
        new.tags.clone_from(tags);
    }
    if let Some(options) = &update.options {
        merge_options(&mut new.options, options);
    }
    new.extra.extend(fields::kept(update.extra.clone()));
    new
}
