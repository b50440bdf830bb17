use crate::{
    Compute, ComputeError,
    model::Aggregate,
    policy::{AGGREGATES_INDEX, AGGREGATES_SHOW},
};
use kernel::{Ctx, Result};
use policy::Authorize;
use std::sync::Arc;

pub(crate) async fn list(c: &Compute, cx: &Ctx) -> Result<Vec<Arc<Aggregate>>> {
    let _permit = cx.authorize(&AGGREGATES_INDEX, &())?;
    Ok(c.store.read().await?.all().collect())
}

pub(crate) async fn show(c: &Compute, cx: &Ctx, number: u64) -> Result<Arc<Aggregate>> {
    let _permit = cx.authorize(&AGGREGATES_SHOW, &())?;
    let found = c.store.read().await?.get(&format!("{number:08}"));
    found.ok_or_else(|| ComputeError::NoAggregate(number).into())
}
