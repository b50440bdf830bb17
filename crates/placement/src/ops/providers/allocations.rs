use crate::{
    model::{Allocation, Provider},
    policy::PROVIDER_ALLOCATIONS,
};
use kernel::{Ctx, Result};
use std::sync::Arc;
use store::Snapshot;

/// A provider and who has claimed of it.
pub(crate) fn allocations(cx: &Ctx, snapshot: &Snapshot, id: &str) -> Result<(Arc<Provider>, Vec<Arc<Allocation>>)> {
    let provider = super::show(cx, snapshot, &PROVIDER_ALLOCATIONS, id)?;
    let allocations = snapshot.by(Allocation::BY_PROVIDER, id).collect();
    Ok((provider, allocations))
}
