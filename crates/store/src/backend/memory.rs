//! The back end of tests and simulation: an ordered map behind a lock. Several stores may share one, as members share an
//! etcd; outcomes and conflicts can be made to go wrong on purpose.

use super::{Backend, BackendError, CommitError, Loaded, RawBatch, RawRow, RawTxn, RawWatch};
use crate::Revision;
use async_trait::async_trait;
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::AtomicU32, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

#[derive(Default)]
struct State {
    rows: BTreeMap<String, (Vec<u8>, Revision)>,
    revision: Revision,
    log: Vec<RawBatch>,
    watchers: Vec<mpsc::UnboundedSender<RawBatch>>,
    leases: HashMap<String, Instant>,
}

/// Faults to inject: the number of coming commits that behave so.
#[derive(Default)]
pub struct Faults {
    /// Committed, but the answer is lost.
    pub lost_answers: AtomicU32,
    /// Not committed, and the answer is lost.
    pub lost_requests: AtomicU32,
    pub refusals: AtomicU32,
}

#[derive(Clone, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    pub faults: Arc<Faults>,
}

impl Memory {
    pub fn new() -> Self {
        Self::default()
    }
}

fn strikes(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
}

impl State {
    fn commit(&mut self, txn: &RawTxn) -> Result<Revision, CommitError> {
        let tx_key = format!("tx/{}", txn.id);
        if self.rows.contains_key(&tx_key) {
            return Err(CommitError::Aborted);
        }
        for (key, expected) in &txn.compares {
            if self.rows.get(key).map_or(0, |(_, revision)| *revision) != *expected {
                return Err(CommitError::Conflict(Some(key.clone())));
            }
        }
        self.revision += 1;
        let revision = self.revision;
        let mut events = Vec::new();
        for (key, value) in &txn.writes {
            match value {
                Some(value) => self.rows.insert(key.clone(), (value.clone(), revision)),
                None => self.rows.remove(key),
            };
            if key.starts_with("o/") {
                events.push((key.clone(), value.clone()));
            }
        }
        self.rows.insert(tx_key, (b"committed".to_vec(), revision));
        let batch = RawBatch { revision, events };
        self.watchers.retain(|w| w.send(batch.clone()).is_ok());
        self.log.push(batch);
        Ok(revision)
    }
}

#[async_trait]
impl Backend for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn load(&self) -> Result<Loaded, BackendError> {
        let state = self.state.lock();
        let rows = state.rows.range("o/".to_owned().."o0".to_owned());
        let rows = rows.map(|(k, (v, r))| RawRow { key: k.clone(), value: v.clone(), revision: *r }).collect();
        Ok(Loaded { epoch: 1, revision: state.revision, rows })
    }

    async fn commit(&self, txn: RawTxn) -> Result<Revision, CommitError> {
        if strikes(&self.faults.refusals) {
            return Err(CommitError::Refused("injected".into()));
        }
        if strikes(&self.faults.lost_requests) {
            return Err(CommitError::Unknown("injected: the request was lost".into()));
        }
        let result = self.state.lock().commit(&txn);
        if strikes(&self.faults.lost_answers) {
            return Err(CommitError::Unknown("injected: the answer was lost".into()));
        }
        result
    }

    async fn resolve(&self, id: &str) -> Option<Revision> {
        let mut state = self.state.lock();
        let key = format!("tx/{id}");
        match state.rows.get(&key) {
            Some((value, revision)) if value == b"committed" => Some(*revision),
            Some(_) => None,
            None => {
                let revision = state.revision;
                state.rows.insert(key, (b"aborted".to_vec(), revision));
                None
            }
        }
    }

    async fn watch(&self, from: Revision) -> mpsc::Receiver<RawWatch> {
        let (out, receiver) = mpsc::channel(1024);
        let (sender, mut batches) = mpsc::unbounded_channel();
        {
            let mut state = self.state.lock();
            for batch in state.log.iter().filter(|b| b.revision > from) {
                let _ = sender.send(batch.clone());
            }
            state.watchers.push(sender);
        }
        tokio::spawn(async move {
            while let Some(batch) = batches.recv().await {
                if out.send(RawWatch::Batch(batch)).await.is_err() {
                    return;
                }
            }
        });
        receiver
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        Ok(self.state.lock().revision)
    }

    async fn range(&self, from: &str, to: &str, limit: usize, descending: bool) -> Result<Vec<RawRow>, BackendError> {
        let state = self.state.lock();
        let range = state.rows.range(from.to_owned()..to.to_owned());
        let row =
            |(k, (v, r)): (&String, &(Vec<u8>, Revision))| RawRow { key: k.clone(), value: v.clone(), revision: *r };
        Ok(if descending { range.rev().take(limit).map(row).collect() } else { range.take(limit).map(row).collect() })
    }

    async fn trim(&self, from: &str, to: &str) -> Result<(), BackendError> {
        let mut state = self.state.lock();
        let keys: Vec<_> = state.rows.range(from.to_owned()..to.to_owned()).map(|(k, _)| k.clone()).collect();
        keys.iter().for_each(|k| {
            state.rows.remove(k);
        });
        Ok(())
    }

    async fn lease(&self, name: &str, ttl: Duration) -> Result<(), BackendError> {
        self.state.lock().leases.insert(name.into(), Instant::now() + ttl);
        Ok(())
    }

    async fn leases(&self) -> Result<Vec<String>, BackendError> {
        let mut state = self.state.lock();
        state.leases.retain(|_, end| *end > Instant::now());
        Ok(state.leases.keys().cloned().collect())
    }
}
