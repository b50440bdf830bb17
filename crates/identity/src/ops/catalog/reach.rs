use crate::{
    Identity,
    model::{Project, Target, effective},
    policy::{
        Authorize,
        tokens::{GET_AUTH_DOMAINS, GET_AUTH_PROJECTS, GET_AUTH_SYSTEM},
    },
};
use kernel::{Ctx, Result};
use std::sync::Arc;

/// The projects that the token's user could get a token for.
pub fn projects(id: &Identity, cx: &Ctx) -> Result<Vec<Arc<Project>>> {
    let _ = cx.authorize(&GET_AUTH_PROJECTS, &())?;
    Ok(effective::projects_of(&id.view(), &cx.credentials.user))
}

pub fn domains(id: &Identity, cx: &Ctx) -> Result<Vec<Arc<Project>>> {
    let _ = cx.authorize(&GET_AUTH_DOMAINS, &())?;
    Ok(effective::domains_of(&id.view(), &cx.credentials.user))
}

/// Whether the user could get a system-scoped token.
pub fn system(id: &Identity, cx: &Ctx) -> Result<bool> {
    let _ = cx.authorize(&GET_AUTH_SYSTEM, &())?;
    Ok(!effective::roles_on(&id.view(), &cx.credentials.user, &Target::System).is_empty())
}
