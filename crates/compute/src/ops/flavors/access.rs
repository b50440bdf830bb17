use super::{find, find_in};
use crate::{
    Compute, ComputeError,
    error::invalid,
    model::Flavor,
    policy::{FLAVOR_ACCESS, FLAVOR_ACCESS_ADD, FLAVOR_ACCESS_REMOVE},
};
use kernel::{Ctx, ProjectId, Result};
use policy::Authorize;
use std::sync::Arc;

/// Who may use a flavor that is not public.
pub(crate) async fn access(c: &Compute, cx: &Ctx, id: &str) -> Result<Arc<Flavor>> {
    let _permit = cx.authorize(&FLAVOR_ACCESS, &())?;
    let flavor = find(cx, &c.store.read().await?, id)?;
    if flavor.public {
        return Err(kernel::Error::not_found("Access list not available for public flavors."));
    }
    Ok(flavor)
}

pub(crate) async fn grant(c: &Compute, cx: &Ctx, id: &str, project: ProjectId) -> Result<Arc<Flavor>> {
    let _permit = cx.authorize(&FLAVOR_ACCESS_ADD, &())?;
    // A project that is nowhere would be a slip of the pen.
    if c.projects.project(&c.store.read().await?, &project).is_none() {
        return Err(invalid(format!("Project ID {project} is not a valid project.")));
    }
    let (id, check_public) = (id.to_owned(), cx.version.since(2, 7));
    let granted = c.store.transact("compute.flavor.access", move |tx| {
        let flavor = find_in(tx, &id)?;
        if flavor.public && check_public {
            let text = "Can not add access to a public flavor.";
            return Err(ComputeError::Conflict(text.into()).into());
        }
        let mut new = Flavor::clone(&flavor);
        if !new.access.insert(project.clone()) {
            let (flavor, project) = (id.clone(), project.to_string());
            return Err(ComputeError::FlavorAccessExists { flavor, project }.into());
        }
        Ok(tx.put(new))
    });
    granted.await
}

pub(crate) async fn revoke(c: &Compute, cx: &Ctx, id: &str, project: ProjectId) -> Result<Arc<Flavor>> {
    let _permit = cx.authorize(&FLAVOR_ACCESS_REMOVE, &())?;
    let id = id.to_owned();
    let revoked = c.store.transact("compute.flavor.access", move |tx| {
        let mut new = Flavor::clone(&*find_in(tx, &id)?);
        if !new.access.remove(&project) {
            let (flavor, project) = (id.clone(), project.to_string());
            return Err(ComputeError::NoFlavorAccess { flavor, project }.into());
        }
        Ok(tx.put(new))
    });
    revoked.await
}
