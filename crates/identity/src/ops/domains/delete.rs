use crate::{
    Identity, Refusal,
    model::project,
    ops::{on::On, projects::delete_as},
    policy::{Authorize, domains::DELETE_DOMAIN},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, domain_id: &str) -> Result<()> {
    // Keystone looks for it before it asks: 404 for whoever asks.
    let domain = project::find_domain(&id.view(), domain_id);
    let domain = domain.ok_or_else(|| Refusal::not_found("domain", domain_id))?;
    let permit = cx.authorize(&DELETE_DOMAIN, &On::default().with("domain_id", domain_id).domain(Some(&domain)))?;
    delete_as(id, cx, permit, "domain", domain_id).await
}
