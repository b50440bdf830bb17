//! Lists volumes by Cinder's filters, sorted and paged.

use crate::{VolumeService, model::Volume, policy, service::authorize_own};
use kernel::{
    Ctx, Error, Page, Result,
    paging::{Direction, Paged},
};
use std::{cmp::Ordering, sync::Arc};

pub(crate) fn list_volumes(
    service: &VolumeService,
    cx: &Ctx,
    filters: &[(String, String)],
    page: &Page,
) -> Result<Paged<Arc<Volume>>> {
    let _read = authorize_own(cx, &policy::GET_ALL)?;
    let get = |name: &str| filters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let all = cx.is_admin() && get("all_tenants").is_some_and(|v| !matches!(v, "0" | "false" | "False"));
    let view = service.view();
    let project = match get("project_id").filter(|_| all) {
        Some(project) => Some(project.to_owned()),
        None if all => None,
        None => Some(cx.project()?.to_string()),
    };
    let mut found: Vec<Arc<Volume>> = match &project {
        Some(project) => view.by(Volume::BY_PROJECT, project).collect(),
        None => view.all::<Volume>().collect(),
    };
    found.retain(|v| filters.iter().all(|(name, value)| matches(v, name, value)));
    let mut order = page.sort.clone();
    if let Some((bad, _)) = order.iter().find(|(key, _)| !SORT_KEYS.contains(&key.as_str())) {
        return Err(Error::bad_request(format!("Invalid input received: Invalid sort keys: {bad}")));
    }
    order.extend([("created_at".to_owned(), Direction::Desc), ("id".to_owned(), Direction::Desc)]);
    found
        .sort_by(|a, b| order.iter().map(|(k, d)| compare(a, b, k, *d)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal));
    page.cut(found, |v| &v.id).ok_or_else(|| Error::not_found("Marker could not be found."))
}

const SORT_KEYS: &[&str] = &[
    "created_at",
    "updated_at",
    "id",
    "name",
    "display_name",
    "size",
    "status",
    "availability_zone",
    "bootable",
    "host",
];

fn matches(volume: &Volume, name: &str, value: &str) -> bool {
    match name {
        "name" => volume.name.as_deref() == Some(value),
        "name~" => volume.name.as_deref().is_some_and(|n| n.contains(value)),
        "status" => volume.status.as_str() == value,
        "status~" => volume.status.as_str().contains(value),
        "bootable" => volume.bootable == value.eq_ignore_ascii_case("true"),
        "availability_zone" => volume.availability_zone == value,
        "metadata" => metadata_filter(volume, value),
        _ => true,
    }
}

/// `{'key': 'value', …}` in Python's spelling, as clients send it.
fn metadata_filter(volume: &Volume, text: &str) -> bool {
    let wanted: Option<std::collections::BTreeMap<String, String>> =
        serde_json::from_str(&text.replace('\'', "\"")).ok();
    wanted.is_some_and(|w| w.iter().all(|(k, v)| volume.metadata.get(k) == Some(v)))
}

fn compare(a: &Volume, b: &Volume, key: &str, dir: Direction) -> Ordering {
    let order = match key {
        "created_at" => a.created_at.cmp(&b.created_at),
        "updated_at" => a.updated_at.cmp(&b.updated_at),
        "name" | "display_name" => a.name.cmp(&b.name),
        "size" => a.size_gib.cmp(&b.size_gib),
        "status" => a.status.as_str().cmp(b.status.as_str()),
        "availability_zone" => a.availability_zone.cmp(&b.availability_zone),
        "bootable" => a.bootable.cmp(&b.bootable),
        "host" => a.pool.cmp(&b.pool),
        _ => a.id.cmp(&b.id),
    };
    if dir == Direction::Desc { order.reverse() } else { order }
}
