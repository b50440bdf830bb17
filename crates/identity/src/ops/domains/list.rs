use crate::{
    Identity,
    model::{Project, project::BY_DOMAIN},
    ops::{
        on::On,
        query::{Listed, Query},
    },
    policy::{Authorize, domains::LIST_DOMAINS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["name", "enabled"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<Project>> {
    let scope = cx.credentials.domain();
    let _ = cx.authorize(&LIST_DOMAINS, &On::default().maybe("target.domain.id", scope.map(|d| d.as_str())))?;
    let view = id.view();
    let visible = view.by(BY_DOMAIN, "").filter(|d| !d.deleting && scope.is_none_or(|s| d.id == *s.as_str()));
    query.page(visible)
}
