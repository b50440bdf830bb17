//! A group given to a project, looked for, and taken back.

use super::WHAT;
use crate::{
    Identity, Refusal,
    model::{EndpointGroup, Project, ProjectEndpointGroup, endpoint_filter::EndpointGroupId},
    ops::{
        audit::Note,
        found::{found, found_in},
        project_or_404,
    },
    policy::{
        Authorize,
        endpoint_filter::{
            ADD_ENDPOINT_GROUP_TO_PROJECT, GET_ENDPOINT_GROUP_IN_PROJECT, REMOVE_ENDPOINT_GROUP_FROM_PROJECT,
        },
    },
};
use kernel::{Ctx, ProjectId, Result};
use std::sync::Arc;

pub fn check(id: &Identity, cx: &Ctx, group_id: &str, project_id: &str) -> Result<Arc<ProjectEndpointGroup>> {
    let _ = cx.authorize(&GET_ENDPOINT_GROUP_IN_PROJECT, &())?;
    let view = id.view();
    project_or_404(&view, project_id)?;
    found::<EndpointGroup>(&view, WHAT, group_id)?;
    view.get(&ProjectEndpointGroup::id(project_id, group_id)).ok_or_else(|| not_given(group_id, project_id).into())
}

/// Giving twice is a conflict, as in Keystone, where the second row has the first one's key.
pub async fn add(id: &Identity, cx: &Ctx, group_id: &str, project_id: &str) -> Result<()> {
    let permit = cx.authorize(&ADD_ENDPOINT_GROUP_TO_PROJECT, &())?;
    let given = ProjectEndpointGroup { project: ProjectId::from(project_id), group: EndpointGroupId::from(group_id) };
    let note = Note::of(cx);
    id.write(permit, "identity.endpoint_group.add", move |tx| {
        if tx.get::<Project>(&given.project).is_none_or(|p| p.deleting) {
            return Err(Refusal::not_found("project", given.project.as_str()).into());
        }
        let group = found_in::<EndpointGroup>(tx, WHAT, &given.group)?;
        let key = ProjectEndpointGroup::id(&given.project, &given.group);
        if tx.get::<ProjectEndpointGroup>(&key).is_some() {
            return Err(Refusal::conflict("project_endpoint_group", "Duplicate entry").into());
        }
        // Written as it is: its removal at this moment conflicts and sees the association.
        tx.put(EndpointGroup::clone(&group));
        tx.put(given.clone());
        note.created(tx, "endpoint_group_association", &key)
    })
    .await
}

pub async fn remove(id: &Identity, cx: &Ctx, group_id: &str, project_id: &str) -> Result<()> {
    let permit = cx.authorize(&REMOVE_ENDPOINT_GROUP_FROM_PROJECT, &())?;
    let view = id.view();
    project_or_404(&view, project_id)?;
    found::<EndpointGroup>(&view, WHAT, group_id)?;
    let (note, key) = (Note::of(cx), ProjectEndpointGroup::id(project_id, group_id));
    let gone = not_given(group_id, project_id);
    id.write(permit, "identity.endpoint_group.remove", move |tx| {
        if !tx.delete::<ProjectEndpointGroup>(&key) {
            return Err(gone.clone().into());
        }
        note.deleted(tx, "endpoint_group_association", &key)
    })
    .await
}

fn not_given(group: &str, project: &str) -> Refusal {
    Refusal::Absent(format!("Could not find Endpoint Group {group} in project {project}."))
}
