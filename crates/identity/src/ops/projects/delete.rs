use crate::{
    Identity, Refusal,
    model::{Project, immutable, project},
    ops::{
        audit::Note,
        on::On,
        project_or_404,
        removal::{self, Doomed, not_a_leaf},
    },
    policy::{Authorize, Permit, projects::DELETE_PROJECT},
};
use kernel::{Ctx, Result};
use store::Tx;

pub async fn delete(id: &Identity, cx: &Ctx, project_id: &str) -> Result<()> {
    let found = project::find(&id.view(), project_id);
    let on = On::default().with("project_id", project_id).project(found.as_deref());
    let permit = cx.authorize(&DELETE_PROJECT, &on)?;
    let project = project_or_404(&id.view(), project_id)?;
    delete_as(id, cx, permit, if project.is_domain() { "domain" } else { "project" }, project_id).await
}

pub(crate) async fn delete_as(
    id: &Identity,
    cx: &Ctx,
    permit: Permit,
    what: &'static str,
    project_id: &str,
) -> Result<()> {
    let doomed = match what {
        "domain" => Doomed::Domain(project_id.into()),
        _ => Doomed::Project(project_id.into()),
    };
    let project_id = project_id.to_owned();
    removal::remove(id, permit, doomed, Note::of(cx), move |tx| judge(tx, what, &project_id)).await
}

fn judge(tx: &mut Tx, what: &'static str, id: &str) -> Result<()> {
    let found = tx.get::<Project>(id).filter(|p| !p.deleting);
    let project = found.ok_or_else(|| Refusal::not_found(what, id))?;
    if immutable(&project.options) {
        return Err(Refusal::ImmutableDelete { what, id: id.to_owned() }.into());
    }
    if project.is_domain() && project.enabled {
        // So that nobody deletes the own domain, or any by mistake.
        return Err(Refusal::forbidden("Cannot delete a domain that is enabled, please disable it first.").into());
    }
    if !project.is_domain() && project::children(tx.view(), id).next().is_some() {
        return Err(not_a_leaf(id).into());
    }
    Ok(())
}
