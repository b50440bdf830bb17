//! The back end of tests and simulation: an ordered map behind a lock. Several stores may share one, as members share an etcd.

use super::{
    Backend, BackendError, CommitError, Committed, Loaded, RawRow, RawTxn, RawWatch,
    local::{Feed, Leases, Outcomes},
};
use crate::{
    Revision,
    keys::{self, Compare},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

#[derive(Default)]
struct State {
    rows: BTreeMap<String, (Bytes, Revision)>,
    feed: Feed,
    outcomes: Outcomes,
    leases: Leases,
}

/// Clones share the data.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

impl Memory {
    pub fn new() -> Self {
        Self::default()
    }
}

fn row((key, (value, revision)): (&String, &(Bytes, Revision))) -> RawRow {
    RawRow { key: key.clone(), value: value.clone(), revision: *revision }
}

impl State {
    fn holds(&self, (key, expected): &Compare) -> bool {
        self.rows.get(key).map_or(0, |(_, revision)| *revision) == *expected
    }

    fn commit(&mut self, txn: &RawTxn) -> Result<Committed, CommitError> {
        self.outcomes.check(&txn.id)?;
        if !txn.compares.iter().all(|compare| self.holds(compare)) {
            return Err(CommitError::Conflict { at: self.feed.revision });
        }
        let committed = self.feed.committed(txn);
        for (key, value) in &txn.writes {
            match value {
                Some(value) => self.rows.insert(key.clone(), (value.clone(), committed.revision)),
                None => self.rows.remove(key),
            };
        }
        self.outcomes.note(&txn.id, Some(committed.revision));
        Ok(committed)
    }
}

#[async_trait]
impl Backend for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn shared(&self) -> bool {
        true
    }

    async fn load(&self) -> Result<Loaded, BackendError> {
        let state = self.0.lock();
        let rows = state.rows.range::<str, _>(keys::bounds(&keys::LOG)).map(row).collect();
        Ok(Loaded { revision: state.feed.revision, rows })
    }

    async fn commit(&self, txn: RawTxn) -> Result<Committed, CommitError> {
        self.0.lock().commit(&txn)
    }

    async fn validate(&self, compares: &[Compare]) -> Result<Result<(), Revision>, BackendError> {
        let state = self.0.lock();
        Ok(if compares.iter().all(|compare| state.holds(compare)) { Ok(()) } else { Err(state.feed.revision) })
    }

    async fn resolve(&self, id: &str) -> Result<Option<Revision>, BackendError> {
        Ok(self.0.lock().outcomes.settle(id))
    }

    fn watch(&self, from: Revision) -> BoxStream<'static, RawWatch> {
        self.0.lock().feed.watch(from)
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        Ok(self.0.lock().feed.revision)
    }

    async fn range(&self, from: &str, to: &str, limit: usize, descending: bool) -> Result<Vec<RawRow>, BackendError> {
        let state = self.0.lock();
        let range = state.rows.range::<str, _>(keys::bounds(&(from..to)));
        Ok(if descending { range.rev().take(limit).map(row).collect() } else { range.take(limit).map(row).collect() })
    }

    async fn trim(&self, from: &str, to: &str) -> Result<(), BackendError> {
        self.0.lock().rows.retain(|key, _| !(from..to).contains(&key.as_str()));
        Ok(())
    }

    async fn lease(&self, name: &str, ttl: Duration) -> Result<(), BackendError> {
        self.0.lock().leases.take(name, ttl)
    }

    async fn leases(&self) -> Result<Vec<String>, BackendError> {
        Ok(self.0.lock().leases.alive())
    }
}
