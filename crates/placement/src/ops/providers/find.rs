use crate::{PlacementError, model::Provider};
use kernel::Result;
use std::sync::Arc;
use store::{Snapshot, Tx};

pub(crate) fn find(snapshot: &Snapshot, id: &str) -> Result<Arc<Provider>> {
    Ok(snapshot.get(id).ok_or_else(|| PlacementError::NoProvider(id.into()))?)
}

/// The same within a transaction.
pub(crate) fn found(tx: &mut Tx, id: &str) -> Result<Arc<Provider>> {
    Ok(tx.get(id).ok_or_else(|| PlacementError::NoProvider(id.into()))?)
}

/// The provider as the client saw it, or `changed`.
pub(crate) fn at_generation(tx: &mut Tx, id: &str, generation: i64, changed: &str) -> Result<Arc<Provider>> {
    let provider = found(tx, id)?;
    if i64::try_from(provider.generation) == Ok(generation) {
        return Ok(provider);
    }
    Err(PlacementError::Changed(changed.into()).into())
}

/// What an update of aggregates or traits is told when the provider changed meanwhile.
pub(crate) const CHANGED: &str =
    "Resource provider's generation already changed. Please update the generation and try again.";
