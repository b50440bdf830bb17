use crate::{
    Identity, Refusal,
    model::Endpoint,
    policy::{Authorize, catalog::GET_ENDPOINT},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, endpoint_id: &str) -> Result<Arc<Endpoint>> {
    let _ = cx.authorize(&GET_ENDPOINT, &())?;
    id.view().get(endpoint_id).ok_or_else(|| Refusal::not_found("endpoint", endpoint_id).into())
}
