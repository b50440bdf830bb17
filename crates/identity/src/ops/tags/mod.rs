//! Tags of projects.

mod add;
mod remove;
mod replace;
mod show;

pub use add::add;
pub use remove::remove;
pub use replace::replace;
pub use show::{check, list};

use crate::{
    Identity, Refusal,
    model::{Project, project},
    ops::{audit::Note, on::On, project_or_404},
    policy::{Authorize, Permit},
};
use kernel::{Ctx, Result};
use std::{collections::BTreeSet, sync::Arc};

/// Asks `rule` about the project of the tags; 404 only to who may know.
fn permitted(id: &Identity, cx: &Ctx, rule: &'static policy::Rule, project_id: &str) -> Result<(Arc<Project>, Permit)> {
    let found = project::find(&id.view(), project_id);
    let on = On::default().with("project_id", project_id).project(found.as_deref());
    let permit = cx.authorize(rule, &on)?;
    Ok((project_or_404(&id.view(), project_id)?, permit))
}

/// Changes the tags in a transaction of their own.
async fn change(
    id: &Identity,
    cx: &Ctx,
    permit: Permit,
    project: Arc<Project>,
    f: impl Fn(&mut BTreeSet<String>) -> Result<()> + Send + 'static,
) -> Result<Arc<Project>> {
    let note = Note::of(cx);
    id.write(permit, "identity.project.tags", move |tx| {
        let found = tx.get::<Project>(&project.id).filter(|p| !p.deleting);
        let old = found.ok_or_else(|| Refusal::not_found("project", project.id.as_str()))?;
        let mut new = Project::clone(&old);
        f(&mut new.tags)?;
        note.updated(tx, "project", &new.id)?;
        Ok(tx.put(new))
    })
    .await
}
