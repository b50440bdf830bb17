//! One life of this process as the other members see it: a name in the flows it owns, and a lease that tells that it lives.
//!
//! ```text
//!            renewed in time                      renewed late: BackendError::Lapsed
//!   living ◀───────────────▶ living (same name) ───────────────────────────────────▶ living under a new name
//! ```
//!
//! A process that was frozen, or cut off from the store, longer than its lease may have lost its flows: others saw the lease
//! gone and took them over, or are about to. It must not go on under the old name as if nothing had been, for then a flow
//! could stand in the journal under a living name that no executor of the new owner runs. So it begins a new life: it drops
//! its executors, takes a new name, and adopts whatever flows of the old one nobody has taken, with a higher epoch.
//!
//! Between renewals an executor asks [`Life::held`] before it touches the world: past the lease's end, counted from before the
//! last renewal was asked for, it stands still until the engine knows more. Epochs in the journal make what slips through
//! harmless; this keeps it rare.
//!
//! A name is given to flows only after its lease was taken, or others would take its first flows for a dead process's: a new life
//! begins with the lease, and a process starts nothing before [`crate::Engine::ready`].

use crate::Owner;
use arc_swap::ArcSwap;
use kernel::{Clock, HostName};
use std::{collections::HashSet, sync::Arc, time::Duration};
use store::{BackendError, Store};
use tokio::sync::watch;

/// Who starts flows: names this process as their owner. Cheap to clone; services keep one.
#[derive(Clone)]
pub struct Starter {
    node: HostName,
    incarnation: Arc<ArcSwap<String>>,
}

impl Starter {
    pub fn new(node: HostName) -> Self {
        Self { node, incarnation: Arc::new(ArcSwap::from_pointee(new_name())) }
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner { node: self.node.clone(), incarnation: self.incarnation().to_string(), epoch: 1 }
    }

    pub(crate) fn incarnation(&self) -> Arc<String> {
        self.incarnation.load_full()
    }
}

fn new_name() -> String {
    kernel::ids::uuid_hex().to_string()
}

fn lease_of(incarnation: &str) -> String {
    format!("flow/{incarnation}")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    Same,
    /// The lease had ended: the process has a new name and a new lease.
    Reborn,
}

pub(crate) struct Life {
    store: Store,
    clock: Arc<dyn Clock>,
    starter: Starter,
    lease: Duration,
    /// Until when, on the monotonic clock, nobody can have seen the lease gone.
    until: watch::Sender<Duration>,
}

impl Life {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, starter: Starter, lease: Duration) -> Self {
        Self { store, clock, starter, lease, until: watch::channel(Duration::ZERO).0 }
    }

    pub(crate) fn renewal_interval(&self) -> Duration {
        self.lease / 3
    }

    pub(crate) async fn renew(&self) -> Result<Renewal, BackendError> {
        match self.take(&self.starter.incarnation()).await {
            Err(BackendError::Lapsed(name)) => {
                let next = new_name();
                self.take(&next).await?;
                self.starter.incarnation.store(Arc::new(next));
                tracing::warn!(
                    lease = name,
                    "this process was silent for longer than its lease; it goes on under a new name"
                );
                Ok(Renewal::Reborn)
            }
            taken => taken.map(|()| Renewal::Same),
        }
    }

    async fn take(&self, incarnation: &str) -> Result<(), BackendError> {
        let began = self.clock.monotonic();
        self.store.lease(&lease_of(incarnation), self.lease).await?;
        self.until.send_replace(began + self.lease);
        Ok(())
    }

    /// Learns until when the lease holds; zero before it was taken for the first time.
    pub(crate) fn until(&self) -> watch::Receiver<Duration> {
        self.until.subscribe()
    }

    /// Returns while the lease is certain to hold; else waits until it is again.
    pub(crate) async fn held(&self) {
        let mut until = self.until.subscribe();
        while self.clock.monotonic() >= *until.borrow_and_update() {
            if until.changed().await.is_err() {
                return std::future::pending().await; // the engine is gone, and takes this with it
            }
        }
    }

    /// Tells which owners do not live now.
    pub(crate) async fn dead(&self) -> Result<impl Fn(&Owner) -> bool + use<>, BackendError> {
        let alive: HashSet<String> = self.store.leases().await?.into_iter().collect();
        let own = self.starter.incarnation();
        Ok(move |owner: &Owner| owner.incarnation != *own && !alive.contains(&lease_of(&owner.incarnation)))
    }
}
