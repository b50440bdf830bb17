//! Quotas of projects, their defaults, and the limits that clients ask for.

use crate::{
    Compute,
    error::invalid,
    model::{QUOTAS, ServerGroup},
    policy::{
        LIMITS, LIMITS_OTHER, QUOTA_CLASS_SHOW, QUOTA_CLASS_UPDATE, QUOTA_DEFAULTS, QUOTA_DELETE, QUOTA_DETAIL,
        QUOTA_SHOW, QUOTA_UPDATE,
    },
};
use kernel::{Ctx, ProjectId, Result};
use policy::{Authorize, target};
use std::collections::BTreeMap;
use store::Snapshot;

/// Of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) limit: i64,
    pub(crate) used: i64,
}

pub(crate) type QuotaSet = BTreeMap<String, Quota>;

/// The class whose limits are everybody's defaults.
const DEFAULT_CLASS: &str = "default";

fn quotas(snapshot: &Snapshot, project: &str) -> QuotaSet {
    let used = QUOTAS.used(snapshot, project);
    let groups = i64::try_from(snapshot.count_by(ServerGroup::BY_PROJECT, project)).unwrap_or(i64::MAX);
    let used_of = |resource: &str| match resource {
        "server_groups" => groups,
        _ => used.get(resource).copied().unwrap_or(0),
    };
    let limits = QUOTAS.limits(snapshot, project);
    limits.into_iter().map(|(resource, limit)| (resource.clone(), Quota { limit, used: used_of(&resource) })).collect()
}

/// Nova asks identity whether there is such a project.
fn check_project(c: &Compute, snapshot: &Snapshot, project: &str) -> Result<()> {
    let known = c.projects.project(snapshot, project).is_some();
    if known { Ok(()) } else { Err(invalid(format!("Project ID {project} is not a valid project."))) }
}

pub(crate) async fn show(c: &Compute, cx: &Ctx, project: &str, detail: bool) -> Result<QuotaSet> {
    let rule = if detail { &QUOTA_DETAIL } else { &QUOTA_SHOW };
    let _permit = cx.authorize(rule, &target! { "project_id" => project })?;
    let snapshot = c.store.read().await?;
    check_project(c, &snapshot, project)?;
    Ok(quotas(&snapshot, project))
}

pub(crate) async fn defaults(c: &Compute, cx: &Ctx, project: &str) -> Result<BTreeMap<String, i64>> {
    let _permit = cx.authorize(&QUOTA_DEFAULTS, &target! { "project_id" => project })?;
    let snapshot = c.store.read().await?;
    check_project(c, &snapshot, project)?;
    Ok(QUOTAS.defaults(&snapshot))
}

/// Sets limits. One below what is in use is refused, unless forced.
pub(crate) async fn update(
    c: &Compute,
    cx: &Ctx,
    project: &str,
    changes: BTreeMap<String, i64>,
    force: bool,
) -> Result<QuotaSet> {
    let _permit = cx.authorize(&QUOTA_UPDATE, &target! { "project_id" => project })?;
    check_project(c, &c.store.read().await?, project)?;
    let project = project.to_owned();
    let updated = c.store.transact("compute.quota.update", move |tx| {
        let now = quotas(tx.view(), &project);
        for (resource, limit) in changes.iter().filter(|_| !force) {
            let used = now.get(resource).map_or(0, |q| q.used);
            if *limit >= 0 && *limit < used {
                return Err(invalid(format!(
                    "Quota limit {limit} for {resource} must be greater than or equal to already used and reserved {used}."
                )));
            }
        }
        QUOTAS.set_limits(tx, &project, &changes);
        Ok(quotas(tx.view(), &project))
    });
    updated.await
}

/// Back to the defaults.
pub(crate) async fn delete(c: &Compute, cx: &Ctx, project: &str) -> Result<()> {
    let _permit = cx.authorize(&QUOTA_DELETE, &target! { "project_id" => project })?;
    let project = project.to_owned();
    let deleted = c.store.transact("compute.quota.delete", move |tx| {
        QUOTAS.reset_limits(tx, &project);
        Ok(())
    });
    deleted.await
}

/// Only the class `default` means anything; others have its limits.
pub(crate) async fn class(c: &Compute, cx: &Ctx) -> Result<BTreeMap<String, i64>> {
    let _permit = cx.authorize(&QUOTA_CLASS_SHOW, &())?;
    Ok(QUOTAS.defaults(&c.store.read().await?))
}

pub(crate) async fn update_class(
    c: &Compute,
    cx: &Ctx,
    class: &str,
    changes: BTreeMap<String, i64>,
) -> Result<BTreeMap<String, i64>> {
    let _permit = cx.authorize(&QUOTA_CLASS_UPDATE, &())?;
    if class != DEFAULT_CLASS {
        return Err(invalid(format!("There is no quota class {class}; the defaults are those of the class default.")));
    }
    let updated = c.store.transact("compute.quota.class", move |tx| {
        QUOTAS.set_limits(tx, "class:default", &changes);
        Ok(QUOTAS.defaults(tx.view()))
    });
    updated.await
}

/// What the caller's project may have and has, or another's.
pub(crate) async fn limits(c: &Compute, cx: &Ctx, other: Option<&str>) -> Result<QuotaSet> {
    let own = cx.credentials.project().cloned().unwrap_or_default();
    let _permit = cx.authorize(&LIMITS, &target! { "project_id" => own })?;
    let project = match other {
        Some(other) => {
            let _permit = cx.authorize(&LIMITS_OTHER, &target! { "project_id" => other })?;
            ProjectId::from(other)
        }
        None => own,
    };
    Ok(quotas(&c.store.read().await?, &project))
}
