use crate::{
    Identity,
    model::ServiceProvider,
    ops::query::{Listed, Query},
    policy::{Authorize, federation::LIST_SERVICE_PROVIDERS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["id", "enabled"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<ServiceProvider>> {
    let _ = cx.authorize(&LIST_SERVICE_PROVIDERS, &())?;
    query.page(id.view().all::<ServiceProvider>())
}
