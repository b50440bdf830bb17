use crate::{
    Identity, Refusal,
    model::project,
    ops::projects::delete_as,
    policy::{Authorize, domains::DELETE_DOMAIN},
};
use kernel::{Ctx, Result};

pub async fn delete(id: &Identity, cx: &Ctx, domain_id: &str) -> Result<()> {
    let permit = cx.authorize(&DELETE_DOMAIN, &())?;
    project::find_domain(&id.view(), domain_id).ok_or_else(|| Refusal::not_found("domain", domain_id))?;
    delete_as(id, cx, permit, "domain", domain_id).await
}
