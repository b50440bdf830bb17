use crate::{
    Identity, Refusal,
    model::{Project, project},
    ops::{
        on::On,
        projects::{Update, update_as},
    },
    policy::{Authorize, domains::UPDATE_DOMAIN},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub async fn update(id: &Identity, cx: &Ctx, domain_id: &str, update: Update) -> Result<Arc<Project>> {
    // Keystone looks for it before it asks: 404 for whoever asks.
    let domain = project::find_domain(&id.view(), domain_id);
    let domain = domain.ok_or_else(|| Refusal::not_found("domain", domain_id))?;
    let permit = cx.authorize(&UPDATE_DOMAIN, &On::default().with("domain_id", domain_id).domain(Some(&domain)))?;
    update_as(id, cx, permit, "domain", domain_id, update).await
}
