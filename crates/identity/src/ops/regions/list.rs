use crate::{
    Identity,
    model::Region,
    ops::query::{Listed, Query},
    policy::{Authorize, catalog::LIST_REGIONS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["parent_region_id"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<Region>> {
    let _ = cx.authorize(&LIST_REGIONS, &())?;
    query.page(id.view().all::<Region>())
}
