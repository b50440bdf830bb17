//! Application credentials. They can do at most what their owner can at the moment: their roles count only as far as the
//! owner still has them on the project.

mod create;
mod delete;
mod list;
mod show;

pub use create::{Created, New, NewRule, RoleRef, create};
pub use delete::delete;
pub use list::{FILTERS, list};
pub use show::show;

use crate::{
    Refusal,
    model::{AccessRule, ApplicationCredential, Role, role, token::Method},
};
use kernel::{Ctx, Result};
use std::sync::Arc;
use store::Snapshot;

/// A credential with what its ids stand for.
#[derive(Clone, Debug)]
pub struct Full {
    pub app_cred: Arc<ApplicationCredential>,
    pub roles: Vec<Arc<Role>>,
    pub access_rules: Option<Vec<Arc<AccessRule>>>,
}

impl Full {
    pub(crate) fn of(view: &Snapshot, app_cred: Arc<ApplicationCredential>) -> Self {
        let roles = app_cred.roles.iter().filter_map(|id| role::find(view, id)).collect();
        let rules = app_cred.access_rules.as_ref();
        let access_rules = rules.map(|ids| ids.iter().filter_map(|id| view.get::<AccessRule>(id)).collect());
        Self { app_cred, roles, access_rules }
    }
}

fn used(cx: &Ctx, method: Method) -> bool {
    cx.credentials.methods.iter().any(|m| m == method.as_str())
}

/// A token that was delegated (trust, OAuth, EC2) must not make credentials that outlive the delegation.
pub(crate) fn not_delegated(cx: &Ctx) -> Result<()> {
    if used(cx, Method::ApplicationCredential) {
        return Ok(());
    }
    let delegated = cx.credentials.trust.is_some()
        || cx.credentials.methods.iter().filter_map(|m| Method::named(m)).any(Method::is_delegation);
    if delegated {
        Err(Refusal::forbidden("You are not authorized to perform the requested action.").into())
    } else {
        Ok(())
    }
}

/// An application credential makes and deletes others only if it is unrestricted.
fn unrestricted(cx: &Ctx) -> Result<()> {
    let restricted = cx.credentials.app_cred.as_ref().is_some_and(|a| !a.unrestricted);
    if used(cx, Method::ApplicationCredential) && restricted {
        let text =
            "Using method 'application_credential' is not allowed for managing additional application credentials.";
        return Err(Refusal::Action(text).into());
    }
    Ok(())
}
