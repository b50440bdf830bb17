use crate::{
    Identity,
    model::IdentityProvider,
    ops::query::{Listed, Query},
    policy::{Authorize, federation::LIST_IDENTITY_PROVIDERS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["id", "enabled"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<IdentityProvider>> {
    let _ = cx.authorize(&LIST_IDENTITY_PROVIDERS, &())?;
    query.page(id.view().all::<IdentityProvider>())
}
