use super::{change, permitted};
use crate::{
    Identity,
    policy::projects::{DELETE_PROJECT_TAGS, UPDATE_PROJECT_TAGS},
};
use kernel::{Ctx, Result};
use std::collections::BTreeSet;

/// Puts other tags in place of all; `None`: removes them, under the rule for that.
pub async fn replace(
    id: &Identity,
    cx: &Ctx,
    project_id: &str,
    new: Option<BTreeSet<String>>,
) -> Result<BTreeSet<String>> {
    let rule = if new.is_some() { &UPDATE_PROJECT_TAGS } else { &DELETE_PROJECT_TAGS };
    let (project, permit) = permitted(id, cx, rule, project_id)?;
    let new = new.unwrap_or_default();
    let changed = change(id, cx, permit, project, move |tags| {
        tags.clone_from(&new);
        Ok(())
    });
    Ok(changed.await?.tags.clone())
}
