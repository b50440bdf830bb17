//! What the two back ends that live inside a process share: the feed for watchers, the outcomes of recent commits, and leases.

use super::{BackendError, CommitError, Committed, RawBatch, RawTxn, RawWatch};
use crate::{Revision, keys};
use futures_util::{StreamExt, stream, stream::BoxStream};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Batches kept for a watcher that comes late, as one does that has just loaded everything; an older cursor is `Lost`, and loads again.
const KEPT_BATCHES: usize = 128;
const KEPT_BYTES: usize = 4 << 20;
/// How long the outcome of a commit is remembered.
const KEPT_OUTCOMES: Duration = Duration::from_secs(300);

/// The revisions of a log, as they are made.
#[derive(Default)]
pub(super) struct Feed {
    pub(super) revision: Revision,
    kept: VecDeque<Arc<RawBatch>>,
    kept_bytes: usize,
    watchers: Vec<mpsc::UnboundedSender<RawWatch>>,
}

impl Feed {
    pub(super) fn starting_at(revision: Revision) -> Self {
        Self { revision, ..Self::default() }
    }

    /// Takes in a durable commit and tells the watchers.
    pub(super) fn committed(&mut self, txn: &RawTxn) -> Committed {
        let previous = self.revision;
        self.revision += 1;
        let events: Vec<_> = txn.writes.iter().filter(|(key, _)| keys::in_log(key)).cloned().collect();
        let batch = Arc::new(RawBatch { revision: self.revision, events });
        self.watchers.retain(|w| w.send(RawWatch::Batch(Arc::clone(&batch))).is_ok());
        self.kept_bytes += size(&batch);
        self.kept.push_back(batch);
        while (self.kept.len() > KEPT_BATCHES || self.kept_bytes > KEPT_BYTES)
            && let Some(gone) = self.kept.pop_front()
        {
            self.kept_bytes -= size(&gone);
        }
        Committed { revision: self.revision, previous: Some(previous) }
    }

    pub(super) fn watch(&mut self, from: Revision) -> BoxStream<'static, RawWatch> {
        let oldest = self.kept.front().map_or(self.revision + 1, |b| b.revision);
        if from + 1 < oldest {
            return stream::iter([RawWatch::Lost]).boxed();
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        for batch in self.kept.iter().filter(|b| b.revision > from) {
            let _ = sender.send(RawWatch::Batch(Arc::clone(batch))); // the receiver is below
        }
        self.watchers.push(sender);
        tokio_stream::wrappers::UnboundedReceiverStream::new(receiver).boxed()
    }
}

fn size(batch: &RawBatch) -> usize {
    batch.events.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, bytes::Bytes::len)).sum()
}

/// `tx/<id>` of a back end that need not tell other processes.
#[derive(Default)]
pub(super) struct Outcomes {
    /// The revision of a commit; `None`: aborted.
    known: HashMap<String, Option<Revision>>,
    by_age: VecDeque<(Instant, String)>,
}

impl Outcomes {
    pub(super) fn check(&self, id: &str) -> Result<(), CommitError> {
        match self.known.contains_key(id) {
            true => Err(CommitError::Aborted),
            false => Ok(()),
        }
    }

    pub(super) fn note(&mut self, id: &str, outcome: Option<Revision>) {
        let now = Instant::now();
        while let Some((at, _)) = self.by_age.front()
            && now.duration_since(*at) > KEPT_OUTCOMES
            && let Some((_, id)) = self.by_age.pop_front()
        {
            self.known.remove(&id);
        }
        self.known.insert(id.to_owned(), outcome);
        self.by_age.push_back((now, id.to_owned()));
    }

    /// The outcome of a commit; one that did not happen is aborted by asking.
    pub(super) fn settle(&mut self, id: &str) -> Option<Revision> {
        if !self.known.contains_key(id) {
            self.note(id, None);
        }
        self.known.get(id).copied().flatten()
    }
}

/// Leases end with the process, as whoever holds them does.
#[derive(Default)]
pub(super) struct Leases(HashMap<String, Instant>);

impl Leases {
    pub(super) fn take(&mut self, name: &str, ttl: Duration) -> Result<(), BackendError> {
        let now = Instant::now();
        if self.0.get(name).is_some_and(|end| *end <= now) {
            self.0.remove(name);
            return Err(BackendError::Lapsed(name.to_owned()));
        }
        self.0.insert(name.to_owned(), now + ttl);
        Ok(())
    }

    pub(super) fn alive(&self) -> Vec<String> {
        let now = Instant::now();
        self.0.iter().filter(|(_, end)| **end > now).map(|(name, _)| name.clone()).collect()
    }
}
