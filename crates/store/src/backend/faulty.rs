//! A back end that goes wrong on purpose, around any other: for the conformance suite, and for whoever wants to know what the
//! store's faults do to them.

use super::{Backend, BackendError, CommitError, Committed, Loaded, RawRow, RawTxn, RawWatch};
use crate::{Revision, keys::Compare};
use async_trait::async_trait;
use futures_util::{StreamExt, stream::BoxStream};
use parking_lot::Mutex;
use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// How many of the coming commits, or items of a watch, go wrong in which way.
#[derive(Default)]
pub struct Faults {
    /// Committed, but the answer is lost.
    pub lost_answers: AtomicU32,
    /// Not committed, and the answer is lost.
    pub lost_requests: AtomicU32,
    /// Not committed, the answer is lost, and the request arrives after its outcome has been settled.
    pub late_requests: AtomicU32,
    pub refusals: AtomicU32,
    /// A revision of the watch is lost.
    pub lost_watches: AtomicU32,
    /// Renewals of leases that do not arrive.
    pub lost_renewals: AtomicU32,
}

fn strikes(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
}

/// Clones share the back end and its faults.
#[derive(Clone)]
pub struct Faulty {
    inner: Arc<dyn Backend>,
    pub faults: Arc<Faults>,
    held: Arc<watch::Sender<bool>>,
    late: Arc<Mutex<Vec<RawTxn>>>,
    late_outcomes: Arc<Mutex<Vec<Result<Committed, CommitError>>>>,
}

impl Faulty {
    pub fn new(inner: impl Backend) -> Self {
        Self {
            inner: Arc::new(inner),
            faults: Arc::default(),
            held: Arc::new(watch::channel(false).0),
            late: Arc::default(),
            late_outcomes: Arc::default(),
        }
    }

    /// Commits that begin while this is on wait for its end.
    pub fn hold(&self, on: bool) {
        self.held.send_replace(on);
    }

    /// What became of requests that arrived late.
    pub fn late_outcomes(&self) -> Vec<Result<Committed, CommitError>> {
        self.late_outcomes.lock().clone()
    }
}

#[async_trait]
impl Backend for Faulty {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn shared(&self) -> bool {
        self.inner.shared()
    }

    async fn load(&self) -> Result<Loaded, BackendError> {
        self.inner.load().await
    }

    async fn commit(&self, txn: RawTxn) -> Result<Committed, CommitError> {
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| !held).await; // the sender is in self
        let lost = |what: &str| Err(CommitError::Unknown(format!("injected: the {what} was lost")));
        if strikes(&self.faults.refusals) {
            return Err(CommitError::Refused("injected".into()));
        }
        if strikes(&self.faults.lost_requests) {
            return lost("request");
        }
        if strikes(&self.faults.late_requests) {
            self.late.lock().push(txn);
            return lost("request");
        }
        let result = self.inner.commit(txn).await;
        if result.is_ok() && strikes(&self.faults.lost_answers) {
            return lost("answer");
        }
        result
    }

    async fn validate(&self, compares: &[Compare]) -> Result<Result<(), Revision>, BackendError> {
        self.inner.validate(compares).await
    }

    async fn resolve(&self, id: &str) -> Result<Option<Revision>, BackendError> {
        let outcome = self.inner.resolve(id).await;
        let late: Vec<_> = self.late.lock().extract_if(.., |txn| txn.id == id).collect();
        for txn in late {
            let outcome = self.inner.commit(txn).await;
            self.late_outcomes.lock().push(outcome);
        }
        outcome
    }

    fn watch(&self, from: Revision) -> BoxStream<'static, RawWatch> {
        let faults = Arc::clone(&self.faults);
        let until_lost = move |lost: &mut bool, item| {
            let item = if strikes(&faults.lost_watches) { RawWatch::Lost } else { item };
            let ended = std::mem::replace(lost, matches!(item, RawWatch::Lost));
            ready((!ended).then_some(item))
        };
        self.inner.watch(from).scan(false, until_lost).boxed()
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        self.inner.head().await
    }

    async fn range(&self, from: &str, to: &str, limit: usize, descending: bool) -> Result<Vec<RawRow>, BackendError> {
        self.inner.range(from, to, limit, descending).await
    }

    async fn trim(&self, from: &str, to: &str) -> Result<(), BackendError> {
        self.inner.trim(from, to).await
    }

    async fn lease(&self, name: &str, ttl: Duration) -> Result<(), BackendError> {
        if strikes(&self.faults.lost_renewals) {
            return Err(BackendError::Unavailable("injected: the renewal was lost".into()));
        }
        self.inner.lease(name, ttl).await
    }

    async fn leases(&self) -> Result<Vec<String>, BackendError> {
        self.inner.leases().await
    }
}
