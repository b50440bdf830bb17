use crate::{
    Identity,
    model::Service,
    ops::query::{Listed, Query},
    policy::{Authorize, catalog::LIST_SERVICES},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["type", "name"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<Service>> {
    let _ = cx.authorize(&LIST_SERVICES, &())?;
    query.page(id.view().all::<Service>())
}
