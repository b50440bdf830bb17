use crate::{
    Identity,
    model::RegisteredLimit,
    ops::query::{Listed, Query},
    policy::{Authorize, limits::LIST_REGISTERED_LIMITS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["service_id", "region_id", "resource_name"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<RegisteredLimit>> {
    let _ = cx.authorize(&LIST_REGISTERED_LIMITS, &())?;
    query.page(id.view().all::<RegisteredLimit>())
}
