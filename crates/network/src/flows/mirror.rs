//! What the back end is known to hold: the digest of each object as it was last put. Owned by the reconciler, read by who waits
//! for a port.

use crate::driver::{Logical, LogicalKey};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::sync::watch;

pub struct Mirror {
    held: Mutex<HashMap<LogicalKey, u64>>,
    /// Objects the back end refused, and why.
    refused: Mutex<BTreeMap<LogicalKey, String>>,
    /// Counts changes, for those who wait.
    changes: watch::Sender<u64>,
    /// Objects found to differ that nobody here had changed.
    drifted: AtomicU64,
}

/// What an operator's graphs show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub held: usize,
    pub refused: usize,
    pub drifted: u64,
}

impl Default for Mirror {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
            refused: Mutex::default(),
            changes: watch::channel(0).0,
            drifted: AtomicU64::new(0),
        }
    }
}

impl Mirror {
    pub(super) fn replace(&self, held: impl IntoIterator<Item = (LogicalKey, u64)>) {
        *self.held.lock() = held.into_iter().collect();
        self.changed();
    }

    pub(super) fn put(&self, key: LogicalKey, digest: u64) {
        self.refused.lock().remove(&key);
        self.held.lock().insert(key, digest);
    }

    pub(super) fn removed(&self, key: &LogicalKey) {
        self.refused.lock().remove(key);
        self.held.lock().remove(key);
    }

    pub(super) fn refuse(&self, key: LogicalKey, why: String) {
        self.refused.lock().insert(key, why);
    }

    pub(super) fn digest(&self, key: &LogicalKey) -> Option<u64> {
        self.held.lock().get(key).copied()
    }

    pub(super) fn changed(&self) {
        self.changes.send_modify(|n| *n += 1);
    }

    /// Told after every round of the reconciler.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The back end has the object exactly so.
    pub(crate) fn holds(&self, object: &Logical) -> bool {
        self.digest(&object.key()) == Some(object.digest())
    }

    /// Why the back end does not take an object.
    pub(crate) fn refusal(&self, key: &LogicalKey) -> Option<String> {
        self.refused.lock().get(key).cloned()
    }

    pub(super) fn drifted(&self, objects: usize) {
        self.drifted.fetch_add(objects as u64, Ordering::Relaxed);
    }

    pub fn counts(&self) -> Counts {
        let (held, refused) = (self.held.lock().len(), self.refused.lock().len());
        Counts { held, refused, drifted: self.drifted.load(Ordering::Relaxed) }
    }

    pub(super) fn refusals(&self) -> Vec<LogicalKey> {
        self.refused.lock().keys().cloned().collect()
    }
}
