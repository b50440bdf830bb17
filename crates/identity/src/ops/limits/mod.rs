//! Limits: what single projects and domains may use, where that is not the registered default.

mod create;
mod delete;
mod list;
mod show;
mod update;

pub use create::{New, create};
pub use delete::delete;
pub use list::{FILTERS, list};
pub use show::{model, show};
pub use update::{Update, update};

use crate::{
    Refusal,
    config::LimitModel,
    model::{
        Limit, Project, RegisteredLimit,
        limit::{self, Holder, amount},
        project,
    },
};
use kernel::{DomainId, Result};
use store::{Snapshot, Tx};

fn absent(id: &str) -> Refusal {
    Refusal::Absent(format!("Could not find limit for {id}."))
}

/// Keystone's second model: a project's limit is at most its domain's, a domain's at least each of its projects'. Judged
/// over the state with all limits of the request in it, so their order does not matter.
fn fits(model: LimitModel, view: &Snapshot, limit: &Limit) -> Result<()> {
    let breaks = match (model, &limit.holder) {
        (LimitModel::Flat, _) => false,
        (LimitModel::StrictTwoLevel, Holder::Project(id)) => {
            let above = project::find(view, id).and_then(|p| p.parent.clone());
            let above = above.map(|id| Holder::Domain(DomainId::from(id.as_str())));
            above.is_some_and(|domain| amount(limit.value) > amount(of_domain(view, &domain, limit)))
        }
        (LimitModel::StrictTwoLevel, Holder::Domain(id)) => {
            project::subtree(view, id).iter().any(|below: &std::sync::Arc<Project>| {
                let own = limit::of(view, &Holder::Project(below.id.clone()), &limit.resource);
                own.is_some_and(|own| amount(own.value) > amount(limit.value))
            })
        }
    };
    if !breaks {
        return Ok(());
    }
    let level = if limit.holder.project().is_some() { "project_id" } else { "domain_id" };
    let holder = limit.holder.project().or(limit.holder.domain()).unwrap_or_default();
    Err(Refusal::Forbidden(format!(
        "Invalid resource limit: The resource limit ({level}: {holder}, resource_name: {}, resource_limit: {}, service_id: \
         {}, region_id: {}) doesn't satisfy current hierarchy model..",
        limit.resource.name,
        limit.value,
        limit.resource.service,
        limit.resource.region.as_deref().unwrap_or("None"),
    ))
    .into())
}

/// A domain's own limit, else the registered default.
fn of_domain(view: &Snapshot, domain: &Holder, like: &Limit) -> i64 {
    let own = limit::of(view, domain, &like.resource).map(|limit| limit.value);
    let default = || view.get::<RegisteredLimit>(&like.registered).map(|registered| registered.default);
    own.or_else(default).unwrap_or(-1)
}

/// Takes a limit and its claim away.
pub(crate) fn drop_limit(tx: &mut Tx, limit: &Limit) {
    tx.release_unique(Limit::NAMES, &limit.unique(), &limit.id);
    tx.delete::<Limit>(&limit.id);
}
