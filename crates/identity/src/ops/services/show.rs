use crate::{
    Identity, Refusal,
    model::Service,
    policy::{Authorize, catalog::GET_SERVICE},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, service_id: &str) -> Result<Arc<Service>> {
    let _ = cx.authorize(&GET_SERVICE, &())?;
    id.view().get(service_id).ok_or_else(|| Refusal::not_found("service", service_id).into())
}
