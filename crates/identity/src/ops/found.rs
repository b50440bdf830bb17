//! Objects by id, or Keystone's 404.

use crate::Refusal;
use kernel::Result;
use std::sync::Arc;
use store::{Object, Snapshot, Tx};

/// In the snapshot.
pub(crate) fn found<T: Object>(view: &Snapshot, what: &'static str, id: &str) -> Result<Arc<T>> {
    view.get::<T>(id).ok_or_else(|| Refusal::not_found(what, id).into())
}

/// In the transaction, which conflicts with whoever removes it meanwhile.
pub(crate) fn found_in<T: Object>(tx: &mut Tx, what: &'static str, id: &str) -> Result<Arc<T>> {
    tx.get::<T>(id).ok_or_else(|| Refusal::not_found(what, id).into())
}
