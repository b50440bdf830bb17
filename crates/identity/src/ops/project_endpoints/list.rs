use crate::{
    Identity,
    model::{
        Endpoint, Project,
        endpoint_filter::{PROJECTS_WITH, given_to},
        project,
    },
    ops::{found::found, project_or_404},
    policy::{
        Authorize,
        endpoint_filter::{LIST_ENDPOINTS_FOR_PROJECT, LIST_PROJECTS_FOR_ENDPOINT},
    },
};
use kernel::{Ctx, Result};
use std::sync::Arc;

/// What was given to the project, by groups too.
pub fn of_project(id: &Identity, cx: &Ctx, project_id: &str) -> Result<Vec<Arc<Endpoint>>> {
    let _ = cx.authorize(&LIST_ENDPOINTS_FOR_PROJECT, &())?;
    let view = id.view();
    project_or_404(&view, project_id)?;
    Ok(given_to(&view, project_id).unwrap_or_default())
}

/// The projects that the endpoint itself was given to.
pub fn projects(id: &Identity, cx: &Ctx, endpoint_id: &str) -> Result<Vec<Arc<Project>>> {
    let _ = cx.authorize(&LIST_PROJECTS_FOR_ENDPOINT, &())?;
    let view = id.view();
    found::<Endpoint>(&view, "endpoint", endpoint_id)?;
    Ok(view.by(PROJECTS_WITH, endpoint_id).filter_map(|given| project::find(&view, &given.project)).collect())
}
