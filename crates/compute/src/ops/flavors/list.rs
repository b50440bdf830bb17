use crate::{Compute, error::invalid, model::Flavor, ops::servers::MAX_LIMIT};
use http::Params;
use kernel::{Ctx, Result};
use std::{cmp::Ordering, sync::Arc};

/// A page of flavors, and whether to offer a next one.
pub(crate) async fn list(c: &Compute, cx: &Ctx, params: &Params) -> Result<(Vec<Arc<Flavor>>, bool)> {
    let (public, ram, disk) = (public(cx, params)?, least(params, "minRam")?, least(params, "minDisk")?);
    let project = cx.credentials.project();
    let wanted = |f: &Arc<Flavor>| {
        let seen = match public {
            None => true,
            Some(true) => f.public || project.is_some_and(|p| f.usable_by(p)),
            Some(false) => !f.public,
        };
        let named = params.get("name").is_none_or(|name| !cx.version.since(2, 102) || f.name == name);
        seen && named && (cx.is_admin() || !f.disabled) && f.ram_mib >= ram && f.disk_gib >= disk
    };
    let mut all: Vec<_> = c.store.read().await?.all::<Flavor>().filter(wanted).collect();
    let descending = params.get("sort_dir") == Some("desc");
    let key = params.get("sort_key").unwrap_or("flavorid");
    all.sort_by(|a, b| {
        let order = compare(key, a, b).then_with(|| a.id.cmp(&b.id));
        if descending { order.reverse() } else { order }
    });
    let page = params.page(MAX_LIMIT)?;
    let paged = page.cut(all, |f| f.id.as_str());
    let marker = params.get("marker").unwrap_or_default();
    let items = paged.ok_or_else(|| invalid(format!("marker [{marker}] not found")))?.items;
    let full = page.limit.is_some_and(|limit| limit > 0 && items.len() == limit);
    Ok((items, full))
}

/// Only administrators choose; `none` is both kinds.
fn public(cx: &Ctx, params: &Params) -> Result<Option<bool>> {
    match params.get("is_public") {
        Some(text) if cx.is_admin() => match text.to_ascii_lowercase().as_str() {
            "none" => Ok(None),
            "1" | "t" | "true" | "on" | "y" | "yes" => Ok(Some(true)),
            "0" | "f" | "false" | "off" | "n" | "no" => Ok(Some(false)),
            _ => Err(invalid(format!("Invalid is_public filter [{text}]"))),
        },
        _ => Ok(Some(true)),
    }
}

fn least(params: &Params, key: &str) -> Result<u64> {
    match params.get(key) {
        None => Ok(0),
        Some(text) => text.parse().map_err(|_| invalid(format!("Invalid {key} filter [{text}]"))),
    }
}

fn compare(key: &str, a: &Flavor, b: &Flavor) -> Ordering {
    match key {
        "name" => a.name.cmp(&b.name),
        "memory_mb" => a.ram_mib.cmp(&b.ram_mib),
        "vcpus" => a.vcpus.cmp(&b.vcpus),
        "root_gb" => a.disk_gib.cmp(&b.disk_gib),
        "ephemeral_gb" => a.ephemeral_gib.cmp(&b.ephemeral_gib),
        "swap" => a.swap_mib.cmp(&b.swap_mib),
        "created_at" | "id" => a.created.cmp(&b.created),
        "updated_at" => a.updated.cmp(&b.updated),
        "description" => a.description.cmp(&b.description),
        "is_public" => a.public.cmp(&b.public),
        "disabled" => a.disabled.cmp(&b.disabled),
        "rxtx_factor" => a.rxtx_factor.total_cmp(&b.rxtx_factor),
        _ => Ordering::Equal,
    }
}
