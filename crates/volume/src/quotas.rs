//! What projects may have: in all, and of each volume type.
//!
//! Of a type there are three more resources, `volumes_TYPE`, `gigabytes_TYPE` and `snapshots_TYPE`. Clients name them by the type's
//! name; they are kept by its id, so that a new name for a type changes no count. They are claimed together with the plain ones, in
//! the transaction that makes what they count, and a volume that gets another type takes its counts along.

use crate::{
    model::{Snapshot, Volume, VolumeType},
    service::QUOTAS,
};
use kernel::{Error, ProjectId, Result};
use std::collections::BTreeMap;
use store::{Snapshot as View, Tx};

/// The resources that are counted for each type, too.
const OF_TYPES: [&str; 3] = ["gigabytes", "snapshots", "volumes"];

type Amounts<'a> = [(&'a str, i64)];

fn kept(resource: &str, type_id: &str) -> String {
    format!("{resource}_{type_id}")
}

fn with_type(type_id: &str, amounts: &Amounts<'_>) -> Vec<(String, i64)> {
    let plain = amounts.iter().map(|(r, n)| ((*r).to_owned(), *n));
    let typed = amounts.iter().filter(|(r, _)| OF_TYPES.contains(r)).map(|(r, n)| (kept(r, type_id), *n));
    plain.chain(typed).collect()
}

fn borrowed(amounts: &[(String, i64)]) -> Vec<(&str, i64)> {
    amounts.iter().map(|(r, n)| (r.as_str(), *n)).collect()
}

/// Takes amounts of the project's quota, and of its quota of the type.
pub(crate) fn claim(tx: &mut Tx, project: &ProjectId, type_id: &str, amounts: &Amounts<'_>) -> Result<()> {
    let all = with_type(type_id, amounts);
    QUOTAS.claim(tx, project, &borrowed(&all)).map_err(|e| {
        let name = tx.get::<VolumeType>(type_id).map(|t| t.name.clone());
        match name {
            Some(name) if e.message().contains(type_id) => {
                Error::of(e.kind(), e.message().replace(type_id, &name)).with_code("OverQuota")
            }
            _ => e,
        }
    })
}

/// Gives amounts back.
pub(crate) fn release(tx: &mut Tx, project: &ProjectId, type_id: &str, amounts: &Amounts<'_>) {
    let all = with_type(type_id, amounts);
    QUOTAS.release(tx, project, &borrowed(&all));
}

/// GiB as an amount.
pub(crate) fn gib(size_gib: u64) -> i64 {
    i64::try_from(size_gib).unwrap_or(i64::MAX)
}

/// Refuses a volume that is larger than any may be.
pub(crate) fn check_size(tx: &Tx, project: &ProjectId, size_gib: u64) -> Result<()> {
    let limit = QUOTAS.limits(tx.view(), project).get("per_volume_gigabytes").copied().unwrap_or(-1);
    if limit < 0 || gib(size_gib) <= limit {
        return Ok(());
    }
    let text = format!("Requested volume size {size_gib}G is larger than maximum allowed limit {limit}G.");
    Err(Error::over_quota(text).with_code("OverQuota"))
}

/// A volume and its snapshots count for another type. Limits of that type are asked, those of the project are not: it has no more.
pub(crate) fn retype(tx: &mut Tx, volume: &Volume, to: &str) -> Result<()> {
    let mut moved: BTreeMap<ProjectId, BTreeMap<&str, i64>> = BTreeMap::new();
    let own = moved.entry(volume.project.clone()).or_default();
    *own.entry("volumes").or_default() += 1;
    *own.entry("gigabytes").or_default() += gib(volume.size_gib);
    for snapshot in tx.by(Snapshot::BY_VOLUME, &volume.id) {
        let own = moved.entry(snapshot.project.clone()).or_default();
        *own.entry("snapshots").or_default() += 1;
        *own.entry("gigabytes").or_default() += gib(snapshot.size_gib);
    }
    for (project, amounts) in moved {
        let of = |id: &str| amounts.iter().map(|(r, n)| (kept(r, id), *n)).collect::<Vec<_>>();
        QUOTAS.claim(tx, &project, &borrowed(&of(to)))?;
        QUOTAS.release(tx, &project, &borrowed(&of(&volume.volume_type)));
    }
    Ok(())
}

/// Resources as clients name them.
fn named(view: &View, kept_by_id: BTreeMap<String, i64>, absent: i64) -> BTreeMap<String, i64> {
    let mut out: BTreeMap<String, i64> = kept_by_id.iter().filter(|(r, _)| QUOTAS.knows(r)).map(own).collect();
    for of in view.all::<VolumeType>() {
        for resource in OF_TYPES {
            let value = kept_by_id.get(&kept(resource, &of.id)).copied().unwrap_or(absent);
            out.insert(kept(resource, &of.name), value);
        }
    }
    out
}

fn own((resource, value): (&String, &i64)) -> (String, i64) {
    (resource.clone(), *value)
}

pub(crate) fn limits(view: &View, project: &str) -> BTreeMap<String, i64> {
    named(view, QUOTAS.limits(view, project), -1)
}

pub(crate) fn defaults(view: &View) -> BTreeMap<String, i64> {
    named(view, QUOTAS.defaults(view), -1)
}

pub(crate) fn used(view: &View, project: &str) -> BTreeMap<String, i64> {
    named(view, QUOTAS.used(view, project), 0)
}

/// The name under which a resource is kept that a client has named.
pub(crate) fn kept_name(view: &View, resource: &str) -> Option<String> {
    if QUOTAS.knows(resource) {
        return Some(resource.to_owned());
    }
    let (plain, type_name) = resource.split_once('_').filter(|(plain, _)| OF_TYPES.contains(plain))?;
    view.all::<VolumeType>().find(|t| t.name == type_name).map(|t| kept(plain, &t.id))
}

/// What the audit counts, under the names it is kept.
pub(crate) fn counted(type_id: &str, resource: &'static str) -> [String; 2] {
    [resource.to_owned(), kept(resource, type_id)]
}

/// No limit may be below what is in use: 400, as Cinder has it.
pub(crate) fn check_limits(tx: &Tx, project: &str, changes: &BTreeMap<String, i64>) -> Result<()> {
    let used = QUOTAS.used(tx.view(), project);
    for (resource, limit) in changes.iter().filter(|(r, limit)| **limit >= 0 && *r != "per_volume_gigabytes") {
        let used = used.get(resource).copied().unwrap_or(0);
        if *limit < used {
            return Err(Error::bad_request(format!(
                "Quota {resource} limit must be equal or greater than existing resources. Current usage is {used} and the requested limit is {limit}."
            )));
        }
    }
    Ok(())
}
