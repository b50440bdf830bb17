use super::WHAT;
use crate::{
    Identity,
    model::ServiceProvider,
    ops::found::found,
    policy::{Authorize, federation::GET_SERVICE_PROVIDER},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, provider_id: &str) -> Result<Arc<ServiceProvider>> {
    let _ = cx.authorize(&GET_SERVICE_PROVIDER, &())?;
    found(&id.view(), WHAT, provider_id)
}
