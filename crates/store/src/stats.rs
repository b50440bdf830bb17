//! Counters of the store, read by telemetry.

use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

#[derive(Default)]
pub struct Stats {
    pub commits: AtomicU64,
    pub transactions: AtomicU64,
    pub refusals: AtomicU64,
    pub panics: AtomicU64,
    pub unknown_outcomes: AtomicU64,
    pub resets: AtomicU64,
    conflicts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Stats {
    pub(crate) fn conflict(&self, label: &'static str) {
        *self.conflicts.lock().entry(label).or_default() += 1;
    }

    pub(crate) fn bump(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Reruns after conflicts, by transaction label.
    pub fn conflicts(&self) -> BTreeMap<&'static str, u64> {
        self.conflicts.lock().clone()
    }
}
