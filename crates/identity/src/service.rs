//! [`Identity`]: what `node` holds and every operation works with.

use crate::{
    IdentityConfig,
    ops::{keys::Rings, passwords::Passwords, tokens::TokenCache},
    policy::Permit,
};
use kernel::{Clock, Result, Timestamp};
use std::sync::Arc;
use store::{Snapshot, Store, Tx};

/// Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    config: IdentityConfig,
    passwords: Passwords,
    rings: Rings,
    tokens: TokenCache,
}

impl Identity {
    pub fn new(store: Store, clock: Arc<dyn Clock>, config: IdentityConfig) -> Self {
        let passwords = Passwords::new(&config.passwords, Arc::clone(&clock));
        let inner = Inner { store, clock, config, passwords, rings: Rings::default(), tokens: TokenCache::default() };
        Self(Arc::new(inner))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }
    pub fn config(&self) -> &IdentityConfig {
        &self.0.config
    }
    /// The newest state this member knows; on one node the newest there is.
    pub(crate) fn view(&self) -> Snapshot {
        self.0.store.snapshot()
    }
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }
    pub(crate) fn rings(&self) -> &Rings {
        &self.0.rings
    }
    pub(crate) fn tokens(&self) -> &TokenCache {
        &self.0.tokens
    }

    /// Runs a transaction that `_permit` allows.
    pub(crate) async fn write<R: Send + 'static>(
        &self,
        _permit: Permit,
        label: &'static str,
        closure: impl FnMut(&mut Tx) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        self.0.store.transact(label, closure).await
    }
}
