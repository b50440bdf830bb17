//! What handlers and operations hold.

use kernel::Result;
use policy::Permit;
use store::{Store, Tx};

#[derive(Clone)]
pub struct Placement {
    pub store: Store,
}

impl Placement {
    /// Every write of an operation goes through here, with the proof that it may.
    pub(crate) async fn write<R: Send + 'static>(
        &self,
        _permit: Permit,
        label: &'static str,
        closure: impl FnMut(&mut Tx) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        self.store.transact(label, closure).await
    }
}
