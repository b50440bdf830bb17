use super::permitted;
use crate::{
    Identity, Refusal,
    policy::projects::{GET_PROJECT_TAG, LIST_PROJECT_TAGS},
};
use kernel::{Ctx, Result};
use std::collections::BTreeSet;

pub fn list(id: &Identity, cx: &Ctx, project_id: &str) -> Result<BTreeSet<String>> {
    let (project, _) = permitted(id, cx, &LIST_PROJECT_TAGS, project_id)?;
    Ok(project.tags.clone())
}

pub fn check(id: &Identity, cx: &Ctx, project_id: &str, tag: &str) -> Result<()> {
    let (project, _) = permitted(id, cx, &GET_PROJECT_TAG, project_id)?;
    if project.tags.contains(tag) { Ok(()) } else { Err(Refusal::not_found("project tag", tag).into()) }
}
