use crate::{
    Identity,
    model::{Group, group::BY_DOMAIN},
    ops::{
        on::On,
        query::{Listed, Query},
    },
    policy::{Authorize, groups::LIST_GROUPS},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub const FILTERS: &[&str] = &["domain_id", "name"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<Group>> {
    let scope = cx.credentials.domain();
    let on = On::default().maybe("target.group.domain_id", scope.map(|d| d.as_str()));
    let _ = cx.authorize(&LIST_GROUPS, &on)?;
    let view = id.view();
    let alive = |g: &Arc<Group>| !g.deleting;
    match scope.map(|d| d.as_str()).or(query.exact("domain_id")) {
        Some(domain) => query.page(view.by(BY_DOMAIN, domain).filter(alive)),
        None => query.page(view.all::<Group>().filter(alive)),
    }
}
