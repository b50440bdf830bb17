use crate::{
    Identity,
    model::{Limit, limit::OF_HOLDER, project},
    ops::query::{Listed, Query},
    policy::{Authorize, limits::LIST_LIMITS},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub const FILTERS: &[&str] = &["service_id", "region_id", "resource_name", "project_id", "domain_id"];

/// Administrators, services and the system see all; others what concerns their domain or project, without being told that
/// there is more.
pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<Limit>> {
    let _ = cx.authorize(&LIST_LIMITS, &())?;
    let (view, who) = (id.view(), &cx.credentials);
    if who.is_system() || who.roles.iter().any(|role| role == "admin" || role == "service") {
        return query.page(view.all::<Limit>());
    }
    if let Some(domain) = who.domain() {
        let inside = |limit: &Arc<Limit>| match limit.holder.project() {
            Some(id) => project::find(&view, id).is_some_and(|p| p.owner() == *domain),
            None => limit.holder.domain() == Some(domain.as_str()),
        };
        return query.page(view.all::<Limit>().filter(inside));
    }
    let own = who.project().map(|id| format!("p:{id}")).unwrap_or_default();
    query.page(view.by(OF_HOLDER, &own))
}
