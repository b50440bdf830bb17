use crate::{model::Allocation, policy::ALLOCATIONS_LIST};
use kernel::{Ctx, Result};
use policy::Authorize;
use std::sync::Arc;
use store::Snapshot;

/// What a consumer has; a consumer that nobody knows has nothing.
pub(crate) fn show(cx: &Ctx, snapshot: &Snapshot, consumer: &str) -> Result<Option<Arc<Allocation>>> {
    let _ = cx.authorize(&ALLOCATIONS_LIST, &())?;
    Ok(snapshot.get(consumer))
}
