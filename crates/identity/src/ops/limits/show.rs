use super::absent;
use crate::{
    Identity,
    config::LimitModel,
    model::{Fields, Limit, limit::Holder, project},
    ops::on::On,
    policy::{
        Authorize,
        limits::{GET_LIMIT, GET_LIMIT_MODEL},
    },
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, limit_id: &str) -> Result<Arc<Limit>> {
    let view = id.view();
    let found = view.get::<Limit>(limit_id);
    let domain = found.as_ref().and_then(|limit| match &limit.holder {
        Holder::Project(id) => project::find(&view, id).map(|p| p.owner()),
        Holder::Domain(id) => Some(id.clone()),
    });
    let domain = domain.as_deref();
    let attribute = match found.as_ref().is_some_and(|limit| limit.holder.project().is_some()) {
        true => "target.limit.project.domain_id",
        false => "target.limit.domain.id",
    };
    let on = On::default().object("limit", found.as_deref().map(|l| l as &dyn Fields));
    let on = domain.map_or_else(On::default, |domain| on.with(attribute, domain));
    let _ = cx.authorize(&GET_LIMIT, &on)?;
    found.ok_or_else(|| absent(limit_id).into())
}

/// How limits of domains and projects go together.
pub fn model(id: &Identity, cx: &Ctx) -> Result<LimitModel> {
    let _ = cx.authorize(&GET_LIMIT_MODEL, &())?;
    Ok(id.config().limit_model)
}
