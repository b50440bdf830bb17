use crate::{
    Identity,
    model::Mapping,
    ops::query::{Listed, Query},
    policy::{Authorize, federation::LIST_MAPPINGS},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["id"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<Mapping>> {
    let _ = cx.authorize(&LIST_MAPPINGS, &())?;
    query.page(id.view().all::<Mapping>())
}
