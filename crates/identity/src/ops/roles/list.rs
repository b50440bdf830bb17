use crate::{
    Identity,
    model::{Role, role::BY_DOMAIN},
    ops::{
        on::On,
        query::{Listed, Query},
    },
    policy::{
        Authorize,
        roles::{LIST_DOMAIN_ROLES, LIST_ROLES},
    },
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["name", "domain_id"];

/// Global roles, or those of the domain asked for.
pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<Role>> {
    let domain = query.exact("domain_id").filter(|d| !d.is_empty());
    let rule = if domain.is_some() { &LIST_DOMAIN_ROLES } else { &LIST_ROLES };
    let _ = cx.authorize(rule, &On::default().maybe("domain_id", domain))?;
    let view = id.view();
    query.page(view.by(BY_DOMAIN, domain.unwrap_or_default()).filter(|r| !r.deleting))
}
