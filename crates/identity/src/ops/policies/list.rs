use crate::{
    Identity,
    model::Policy,
    ops::query::{Listed, Query},
    policy::{Authorize, policies::LIST_POLICIES},
};
use kernel::{Ctx, Result};

pub const FILTERS: &[&str] = &["type"];

pub fn list(id: &Identity, cx: &Ctx, query: &Query) -> Result<Listed<Policy>> {
    let _ = cx.authorize(&LIST_POLICIES, &())?;
    query.page(id.view().all::<Policy>())
}
