//! Quotas: what projects may have.

use crate::{
    Network as Service,
    error::NetError,
    model::quota::QUOTAS,
    ops::access::{On, Reach},
    policy::quota as rules,
};
use kernel::{Ctx, Result};
use policy::Authorize;
use std::collections::BTreeMap;
use store::Snapshot;

/// Everybody may see their own project's; others' by the rule.
fn may_see(cx: &Ctx, snapshot: &Snapshot, project: &str) -> Result<()> {
    if cx.credentials.project().is_some_and(|own| *own == *project) {
        return Ok(());
    }
    let reach = Reach::of(cx);
    let _permit = cx.authorize(&rules::GET, &On::new(snapshot, &reach, project))?;
    Ok(())
}

/// Limits of a project.
pub fn limits(net: &Service, cx: &Ctx, project: &str) -> Result<BTreeMap<String, i64>> {
    let snapshot = net.store().snapshot();
    may_see(cx, &snapshot, project)?;
    Ok(QUOTAS.limits(&snapshot, project))
}

/// The limits of projects that have none of their own.
pub fn defaults(net: &Service, cx: &Ctx, project: &str) -> Result<BTreeMap<String, i64>> {
    let snapshot = net.store().snapshot();
    may_see(cx, &snapshot, project)?;
    Ok(QUOTAS.defaults(&snapshot))
}

/// Limit and use of each resource.
pub fn details(net: &Service, cx: &Ctx, project: &str) -> Result<BTreeMap<String, (i64, i64)>> {
    let snapshot = net.store().snapshot();
    may_see(cx, &snapshot, project)?;
    let used = QUOTAS.used(&snapshot, project);
    let detail = |(name, limit): (String, i64)| {
        let used = used.get(&name).copied().unwrap_or(0);
        (name, (limit, used))
    };
    Ok(QUOTAS.limits(&snapshot, project).into_iter().map(detail).collect())
}

/// Projects that have limits of their own.
pub fn customised(net: &Service, cx: &Ctx) -> Result<Vec<(String, BTreeMap<String, i64>)>> {
    let (snapshot, reach) = (net.store().snapshot(), Reach::of(cx));
    let own = cx.credentials.project().map(|p| p.to_string()).unwrap_or_default();
    let _permit = cx.authorize(&rules::GET, &On::new(&snapshot, &reach, &own))?;
    let ours = snapshot.with_prefix::<ports::quota::QuotaLimits>("network/");
    let projects = ours.map(|l| l.subject.clone()).filter(|s| !s.starts_with("class:") && (reach.admin || *s == own));
    Ok(projects.map(|p| (p.clone(), QUOTAS.limits(&snapshot, &p))).collect())
}

/// Sets limits. One that is below what is in use already is refused, unless `force` says otherwise.
pub async fn update(
    net: &Service,
    cx: &Ctx,
    project: &str,
    changes: BTreeMap<String, i64>,
    force: bool,
) -> Result<BTreeMap<String, i64>> {
    let _permit = cx.authorize(&rules::UPDATE, &[("project_id", project)])?;
    let project = project.to_owned();
    net.store()
        .transact("network.quota.update", move |tx| {
            let used = QUOTAS.used(tx.view(), &project);
            let under = |(name, limit): &(&String, &i64)| **limit >= 0 && used.get(*name).is_some_and(|u| u > *limit);
            if let Some((resource, limit)) = changes.iter().find(under).filter(|_| !force) {
                let used = used.get(resource).copied().unwrap_or(0);
                let text =
                    format!("Quota limit {limit} for {resource} must be greater than or equal to already used {used}");
                return Err(NetError::request(text).into());
            }
            QUOTAS.set_limits(tx, &project, &changes);
            Ok(QUOTAS.limits(tx.view(), &project))
        })
        .await
}

/// Back to the defaults.
pub async fn delete(net: &Service, cx: &Ctx, project: &str) -> Result<()> {
    let _permit = cx.authorize(&rules::DELETE, &[("project_id", project)])?;
    let project = project.to_owned();
    net.store()
        .transact("network.quota.delete", move |tx| {
            QUOTAS.reset_limits(tx, &project);
            Ok(())
        })
        .await
}
