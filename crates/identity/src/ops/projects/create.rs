use crate::{
    Identity, Refusal,
    model::{Extra, Options, Project, merge_options},
    ops::{audit::Note, domain_or_default, fields, on::On},
    policy::{Authorize, Permit, projects::CREATE_PROJECT},
};
use kernel::{Ctx, DomainId, ProjectId, Result};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};
use store::{Taken, Tx};

#[derive(Deserialize)]
pub struct New {
    pub name: String,
    pub domain_id: Option<DomainId>,
    pub parent_id: Option<ProjectId>,
    #[serde(default)]
    pub is_domain: bool,
    #[serde(default = "fields::yes")]
    pub enabled: bool,
    #[serde(default, deserialize_with = "fields::given")]
    pub description: Option<Option<String>>,
    #[serde(default)]
    pub tags: BTreeSet<String>,
    #[serde(default)]
    pub options: Options,
    #[serde(flatten)]
    pub extra: Extra,
}

pub async fn create(id: &Identity, cx: &Ctx, new: New) -> Result<Arc<Project>> {
    let on = On::default().maybe("target.project.domain_id", new.domain_id.as_deref());
    let permit = cx.authorize(&CREATE_PROJECT, &on.maybe("target.project.parent_id", new.parent_id.as_deref()))?;
    let (domain, parent) = if new.is_domain {
        (None, new.parent_id.clone().or(new.domain_id.as_ref().map(|d| d.as_str().into())))
    } else {
        let domain = domain_or_default(id, cx, new.domain_id.clone());
        let parent = new.parent_id.clone().unwrap_or_else(|| domain.as_str().into());
        (Some(domain), Some(parent))
    };
    if domain.is_none() && parent.is_some() {
        return Err(Refusal::invalid("only root projects are allowed to act as domains.").into());
    }
    let project = build(ProjectId::new_hex(), domain, parent, new);
    insert(id, cx, permit, project).await
}

fn build(id: ProjectId, domain: Option<DomainId>, parent: Option<ProjectId>, new: New) -> Project {
    let mut options = Options::new();
    merge_options(&mut options, &new.options);
    Project {
        id,
        name: new.name.trim().to_owned(),
        domain,
        parent,
        enabled: new.enabled,
        description: new.description.unwrap_or_else(|| Some(String::new())),
        tags: new.tags,
        options,
        extra: fields::kept(new.extra),
        deleting: false,
    }
}

/// Writes a new project or domain, its place in the tree judged in the same transaction.
pub(crate) async fn insert(id: &Identity, cx: &Ctx, permit: Permit, project: Project) -> Result<Arc<Project>> {
    let (note, depth) = (Note::of(cx), id.config().project_depth());
    id.write(permit, "identity.project.create", move |tx| {
        if let (Some(domain), Some(parent)) = (&project.domain, &project.parent) {
            judge_place(tx, domain, parent, depth)?;
        }
        claim_name(tx, &project)?;
        if tx.get::<Project>(&project.id).is_some() {
            return Err(conflict(&project).into());
        }
        note.created(tx, if project.is_domain() { "domain" } else { "project" }, &project.id)?;
        Ok(tx.put(project.clone()))
    })
    .await
}

fn claim_name(tx: &mut Tx, project: &Project) -> Result<()> {
    let space = Project::name_space(project.domain.as_ref());
    tx.claim_unique(&space, &project.name, &project.id).map_err(|Taken { .. }| conflict(project).into())
}

/// In Keystone's words.
pub(super) fn conflict(project: &Project) -> Refusal {
    let (name, id) = (&project.name, &project.id);
    Refusal::conflict(
        "project",
        match project.is_domain() {
            true => format!("it is not permitted to have two projects acting as domains with the same name: {name}"),
            false => format!(
                "it is not permitted to have two projects with either the same name or same id in the same domain: name \
                 is {name}, project id {id}"
            ),
        },
    )
}

/// The parent is of that domain, everything above is enabled, and there is room below.
fn judge_place(tx: &mut Tx, domain: &DomainId, parent: &ProjectId, depth: usize) -> Result<()> {
    let invalid = |text: String| kernel::Error::from(Refusal::Invalid(text));
    let alive = |tx: &mut Tx, id: &str| tx.get::<Project>(id).filter(|p| !p.deleting);
    if alive(tx, domain).is_none_or(|d| !d.is_domain()) {
        return Err(invalid(format!("Could not find domain: {domain}.")));
    }
    let found = alive(tx, parent).ok_or_else(|| invalid(format!("Could not find project: {parent}.")))?;
    if found.is_domain() && found.id != *domain.as_str() {
        return Err(invalid(format!(
            "Cannot create project, the parent ({parent}) is acting as a domain, but this project's domain id ({domain}) \
             does not match the parent's id."
        )));
    }
    if found.owner() != *domain {
        return Err(invalid(format!(
            "Cannot create project, since it specifies its domain_id {domain}, but specifies a parent in a different \
             domain ({}).",
            found.owner()
        )));
    }
    let (mut above, mut next) = (1, Some(found));
    while let Some(project) = next {
        if !project.enabled {
            let text = "cannot create a project in a branch containing a disabled project";
            return Err(invalid(format!("{text}: {}", project.id)));
        }
        above += 1;
        next = project.parent.as_ref().and_then(|id| alive(tx, id));
    }
    if above > depth + 1 {
        return Err(Refusal::forbidden(format!("Max hierarchy depth reached for {parent} branch.")).into());
    }
    Ok(())
}
