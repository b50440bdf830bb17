use crate::{
    Identity, Refusal,
    model::{Project, project},
    ops::on::On,
    policy::{Authorize, projects::GET_PROJECT},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, project_id: &str) -> Result<Arc<Project>> {
    let project = project::find(&id.view(), project_id);
    let on = On::default().with("project_id", project_id).project(project.as_deref());
    let _ = cx.authorize(&GET_PROJECT, &on)?;
    project.ok_or_else(|| Refusal::not_found("project", project_id).into())
}
