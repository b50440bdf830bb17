use crate::{
    Identity, Refusal,
    model::Region,
    policy::{Authorize, catalog::GET_REGION},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, region_id: &str) -> Result<Arc<Region>> {
    let _ = cx.authorize(&GET_REGION, &())?;
    id.view().get(region_id).ok_or_else(|| Refusal::not_found("region", region_id).into())
}
