use crate::{
    Identity, Refusal,
    model::{Project, project},
    ops::projects::{Update, update_as},
    policy::{Authorize, domains::UPDATE_DOMAIN},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub async fn update(id: &Identity, cx: &Ctx, domain_id: &str, update: Update) -> Result<Arc<Project>> {
    let permit = cx.authorize(&UPDATE_DOMAIN, &())?;
    project::find_domain(&id.view(), domain_id).ok_or_else(|| Refusal::not_found("domain", domain_id))?;
    update_as(id, cx, permit, "domain", domain_id, update).await
}
