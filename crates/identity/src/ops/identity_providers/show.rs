use super::WHAT;
use crate::{
    Identity,
    model::IdentityProvider,
    ops::found::found,
    policy::{Authorize, federation::GET_IDENTITY_PROVIDER},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn show(id: &Identity, cx: &Ctx, provider_id: &str) -> Result<Arc<IdentityProvider>> {
    let _ = cx.authorize(&GET_IDENTITY_PROVIDER, &())?;
    found(&id.view(), WHAT, provider_id)
}
