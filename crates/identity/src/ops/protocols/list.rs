use crate::{
    Identity,
    model::{IdentityProvider, Protocol, federation::OF_PROVIDER},
    ops::found::found,
    policy::{Authorize, federation::LIST_PROTOCOLS},
};
use kernel::{Ctx, Result};
use std::sync::Arc;

pub fn list(id: &Identity, cx: &Ctx, provider: &str) -> Result<Vec<Arc<Protocol>>> {
    let _ = cx.authorize(&LIST_PROTOCOLS, &())?;
    let view = id.view();
    found::<IdentityProvider>(&view, "Identity Provider", provider)?;
    Ok(view.by(OF_PROVIDER, provider).collect())
}
