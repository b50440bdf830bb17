use crate::{
    Identity, Refusal,
    model::{Project, project},
    ops::on::On,
    policy::{Authorize, domains::GET_DOMAIN},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, domain_id: &str) -> Result<Arc<Project>> {
    let domain = project::find_domain(&id.view(), domain_id);
    let _ = cx.authorize(&GET_DOMAIN, &On::default().with("domain_id", domain_id).domain(domain.as_deref()))?;
    domain.ok_or_else(|| Refusal::not_found("domain", domain_id).into())
}
