//! Quotas of projects.

use crate::{
    KeyManager,
    ops::paging::{Paged, Paging},
    policy,
    service::{QUOTAS, authorize},
};
use http::Params;
use kernel::{Ctx, Error, Result};
use ports::quota::QuotaLimits;
use std::{collections::BTreeMap, sync::Arc};
use store::{Snapshot, Tx};

pub(crate) type Limits = BTreeMap<String, i64>;

/// What is in force for the caller's project.
pub(crate) fn effective(service: &KeyManager, cx: &Ctx) -> Result<Limits> {
    let _read = authorize(cx, &policy::QUOTAS_GET, "Quotas")?;
    Ok(QUOTAS.limits(&service.view(), cx.project()?))
}

fn set(view: &Snapshot) -> impl Iterator<Item = Arc<QuotaLimits>> + '_ {
    view.all::<QuotaLimits>().filter(|l| l.service == QUOTAS.service && !l.subject.contains(':'))
}

fn none() -> Error {
    Error::not_found("Project quotas not found.")
}

pub(crate) fn list(service: &KeyManager, cx: &Ctx, params: &Params) -> Result<Paged<Arc<QuotaLimits>>> {
    let _read = authorize(cx, &policy::PROJECT_QUOTAS_GET, "Project Quotas")?;
    let all = set(&service.view()).collect();
    Ok(Paging::read(params.get("offset"), params.get("limit")).of(all))
}

/// What was set for a project.
pub(crate) fn show(service: &KeyManager, cx: &Ctx, project: &str) -> Result<Limits> {
    let _read = authorize(cx, &policy::PROJECT_QUOTAS_GET, "Project Quotas")?;
    set(&service.view()).find(|l| l.subject == project).map(|l| l.limits.clone()).ok_or_else(none)
}

/// Sets all of them; what is not named is as by default again.
pub(crate) async fn put(service: &KeyManager, cx: &Ctx, project: &str, limits: Limits) -> Result<()> {
    let permit = authorize(cx, &policy::PROJECT_QUOTAS_PUT, "Project Quotas")?;
    if project.len() > 255 || project.contains(':') {
        return Err(none());
    }
    let project = project.to_owned();
    let write = move |tx: &mut Tx| {
        QUOTAS.reset_limits(tx, &project);
        QUOTAS.set_limits(tx, &project, &limits);
        Ok(())
    };
    service.write(permit, "keymanager.quotas.put", write).await
}

pub(crate) async fn delete(service: &KeyManager, cx: &Ctx, project: &str) -> Result<()> {
    let permit = authorize(cx, &policy::PROJECT_QUOTAS_DELETE, "Project Quotas")?;
    let project = project.to_owned();
    let write = move |tx: &mut Tx| {
        if !set(tx.view()).any(|l| l.subject == project) {
            return Err(none());
        }
        QUOTAS.reset_limits(tx, &project);
        Ok(())
    };
    service.write(permit, "keymanager.quotas.delete", write).await
}
