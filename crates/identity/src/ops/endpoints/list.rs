use crate::{
    Identity,
    model::Endpoint,
    ops::query::{Listed, Query},
    policy::{Authorize, catalog::LIST_ENDPOINTS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["interface", "service_id", "region_id"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<Endpoint>> {
    let _ = cx.authorize(&LIST_ENDPOINTS, &())?;
    query.page(id.view().all::<Endpoint>())
}
