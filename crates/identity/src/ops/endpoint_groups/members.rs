//! What is in a group, and who has which groups.

use super::WHAT;
use crate::{
    Identity,
    model::{
        Endpoint, EndpointGroup, Project,
        endpoint_filter::{PROJECTS_WITH_GROUP, groups_of},
        project,
    },
    ops::{found::found, project_or_404},
    policy::{
        Authorize,
        endpoint_filter::{
            LIST_ENDPOINT_GROUPS_FOR_PROJECT, LIST_ENDPOINTS_ASSOCIATED_WITH_ENDPOINT_GROUP,
            LIST_PROJECTS_ASSOCIATED_WITH_ENDPOINT_GROUP,
        },
    },
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn endpoints(id: &Identity, cx: &Ctx, group_id: &str) -> Result<Vec<Arc<Endpoint>>> {
    let _ = cx.authorize(&LIST_ENDPOINTS_ASSOCIATED_WITH_ENDPOINT_GROUP, &())?;
    let view = id.view();
    Ok(found::<EndpointGroup>(&view, WHAT, group_id)?.endpoints(&view))
}

pub fn projects(id: &Identity, cx: &Ctx, group_id: &str) -> Result<Vec<Arc<Project>>> {
    let _ = cx.authorize(&LIST_PROJECTS_ASSOCIATED_WITH_ENDPOINT_GROUP, &())?;
    let view = id.view();
    found::<EndpointGroup>(&view, WHAT, group_id)?;
    Ok(view.by(PROJECTS_WITH_GROUP, group_id).filter_map(|given| project::find(&view, &given.project)).collect())
}

pub fn of_project(id: &Identity, cx: &Ctx, project_id: &str) -> Result<Vec<Arc<EndpointGroup>>> {
    let _ = cx.authorize(&LIST_ENDPOINT_GROUPS_FOR_PROJECT, &())?;
    let view = id.view();
    project_or_404(&view, project_id)?;
    Ok(groups_of(&view, project_id))
}
