//! The one task that runs transactions.
//!
//! ```text
//!   PUBLISHED ──apply── IN FLIGHT (one group, being committed) ──apply── NEXT (group being filled) = HEAD
//! ```
//!
//! Closures run over HEAD, so within a process nobody ever conflicts. While a group is being committed the next one fills, up
//! to 64 transactions. When the back end answers, the group's rows get their revision; if no other member's revision lies in
//! between, PUBLISHED becomes the group's own result without decoding anything, else the watch brings it.
//!
//! A conflict (another member wrote what we read) throws HEAD away: both groups' closures run again after the watch has caught
//! up, with jitter, at most [`ATTEMPTS`] times.

use crate::{
    Backend, MAX_BYTES, MAX_KEYS, Revision, Snapshot, Stats, Tx,
    backend::{CommitError, RawBatch, RawTxn, RawWatch},
    object::{Key, Row, RowVersion, split_key},
    store::{Shared, decode_row, read_all},
    watch::{Batch, Event},
};
use futures_util::FutureExt;
use kernel::{Error, Result};
use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Weak},
};
use tokio::sync::{mpsc, oneshot};

/// Transactions in one commit.
const GROUP: usize = 64;
/// Runs of one transaction before its conflicts are the caller's.
const ATTEMPTS: u32 = 12;

/// A transaction whose types are hidden.
pub(crate) trait Job: Send {
    fn label(&self) -> &'static str;
    /// Runs the closure; false if it refused.
    fn run(&mut self, tx: &mut Tx) -> bool;
    fn refuse(&mut self, error: Error);
    /// Sends the result to the caller.
    fn deliver(self: Box<Self>);
}

pub(crate) struct TypedJob<R, F> {
    pub(crate) label: &'static str,
    pub(crate) closure: F,
    pub(crate) result: Option<Result<R>>,
    pub(crate) reply: Option<oneshot::Sender<Result<R>>>,
}

impl<R: Send, F: FnMut(&mut Tx) -> Result<R> + Send> Job for TypedJob<R, F> {
    fn label(&self) -> &'static str {
        self.label
    }
    fn run(&mut self, tx: &mut Tx) -> bool {
        let result = (self.closure)(tx);
        let ok = result.is_ok();
        self.result = Some(result);
        ok
    }
    fn refuse(&mut self, error: Error) {
        self.result = Some(Err(error));
    }
    fn deliver(mut self: Box<Self>) {
        if let (Some(reply), Some(result)) = (self.reply.take(), self.result.take()) {
            let _ = reply.send(result); // the caller may have gone; what is committed stays so
        }
    }
}

struct Waiting {
    job: Box<dyn Job>,
    attempts: u32,
}

/// Transactions that are committed together.
#[derive(Default)]
struct Group {
    number: u64,
    id: String,
    jobs: Vec<Waiting>,
    reads: HashMap<(usize, Key), Option<RowVersion>>,
    rows: BTreeMap<(usize, Key), Option<Row>>,
    writes: BTreeMap<String, Option<Vec<u8>>>,
    bytes: usize,
}

impl Group {
    fn numbered(number: u64) -> Self {
        Self { number, id: kernel::ids::uuid_hex().to_string(), ..Self::default() }
    }

    fn is_full(&self) -> bool {
        self.jobs.len() >= GROUP || self.writes.len() * 2 >= MAX_KEYS || self.bytes * 2 >= MAX_BYTES
    }
}

type Commit = Pin<Box<dyn Future<Output = (Result<Revision, CommitError>, RawTxn)> + Send>>;

pub(crate) struct Runner {
    backend: Arc<dyn Backend>,
    shared: Weak<Shared>,
    published: Snapshot,
    head: Snapshot,
    next: Group,
    in_flight: Option<Group>,
    /// Committed at a revision that the watch has not reached yet.
    awaited: Option<(Group, Revision)>,
    /// Revisions that our groups got, for rows read while they were pending.
    settled: HashMap<u64, Revision>,
    again: Vec<Waiting>,
}

impl Runner {
    pub(crate) fn new(backend: Arc<dyn Backend>, shared: Weak<Shared>, published: Snapshot) -> Self {
        Self {
            backend,
            shared,
            head: published.clone(),
            published,
            next: Group::numbered(1),
            in_flight: None,
            awaited: None,
            settled: HashMap::new(),
            again: Vec::new(),
        }
    }

    pub(crate) async fn run(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>, mut feed: mpsc::Receiver<RawWatch>) {
        let mut commit: Option<Commit> = None;
        loop {
            let idle = commit.is_none() && self.awaited.is_none();
            if idle && !self.again.is_empty() {
                self.run_again();
            }
            if idle && !self.next.jobs.is_empty() {
                while !self.next.is_full()
                    && let Ok(job) = jobs.try_recv()
                {
                    self.execute(Waiting { job, attempts: 0 });
                }
                commit = self.begin_commit();
                continue;
            }
            tokio::select! {
                biased;
                (result, txn) = async { commit.as_mut().expect("guarded").await }, if commit.is_some() => {
                    commit = self.committed(result, txn);
                }
                item = feed.recv() => match item {
                    Some(item) => if !self.fed(item, &mut feed).await { return },
                    None => return,
                },
                job = jobs.recv(), if !self.next.is_full() && self.again.is_empty() => match job {
                    Some(job) => self.execute(Waiting { job, attempts: 0 }),
                    None if idle => return,
                    None => {
                        // Every handle is gone: finish what is under way, then end.
                        if let Some(commit) = commit.take() {
                            let (result, txn) = commit.await;
                            self.committed(result, txn);
                        }
                        return;
                    }
                },
            }
        }
    }

    /// Runs one closure over HEAD and puts what it wrote into the next group.
    fn execute(&mut self, mut waiting: Waiting) {
        waiting.attempts += 1;
        let mut tx =
            Tx::new(self.head.clone(), self.next.number, format!("{}{:02x}", self.next.id, self.next.jobs.len()));
        let ran = catch_unwind(AssertUnwindSafe(|| waiting.job.run(&mut tx)));
        let ok = ran.unwrap_or_else(|_| {
            self.count(|s| Stats::bump(&s.panics));
            waiting.job.refuse(Error::internal(format!("transaction {} panicked", waiting.job.label())));
            false
        });
        let encoded = if ok {
            tx.encode().unwrap_or_else(|e| {
                waiting.job.refuse(e);
                Vec::new()
            })
        } else {
            self.count(|s| Stats::bump(&s.refusals));
            Vec::new()
        };
        self.count(|s| Stats::bump(&s.transactions));
        if encoded.is_empty() && !self.rests_on_pending(&tx) {
            waiting.job.deliver();
            return;
        }
        for (key, found) in tx.reads {
            if !self.next.rows.contains_key(&key) {
                self.next.reads.entry(key).or_insert(found);
            }
        }
        if !encoded.is_empty() {
            self.head = tx.view;
            self.next.rows.extend(tx.writes);
            for (key, value) in encoded {
                self.next.bytes += value.as_ref().map_or(0, Vec::len);
                self.next.writes.insert(key, value);
            }
        }
        self.next.jobs.push(waiting);
    }

    /// True if an answer must wait: the closure may have seen what is not durable yet.
    fn rests_on_pending(&self, tx: &Tx) -> bool {
        tx.reads.values().any(|v| matches!(v, Some(RowVersion::Pending(n)) if !self.settled.contains_key(n)))
            || self.in_flight.is_some()
            || self.awaited.is_some()
            || !self.next.rows.is_empty()
    }

    /// Sends the filled group to the back end. A group that writes nothing only waited for what it read: it is answered.
    fn begin_commit(&mut self) -> Option<Commit> {
        let number = self.next.number + 1;
        let group = std::mem::replace(&mut self.next, Group::numbered(number));
        if group.writes.is_empty() {
            group.jobs.into_iter().for_each(|w| w.job.deliver());
            return None;
        }
        let kinds = &self.head.schema.kinds;
        let raw = |(slot, key): &(usize, Key)| crate::object::raw_key(kinds[*slot].name, key);
        let compares = group.reads.iter().map(|(key, found)| {
            let revision = match found {
                None => 0,
                Some(RowVersion::Durable(revision)) => *revision,
                Some(RowVersion::Pending(group)) => self.settled.get(group).copied().unwrap_or(-1),
            };
            (raw(key), revision)
        });
        let txn = RawTxn {
            id: group.id.clone(),
            compares: compares.collect(),
            writes: group.writes.clone().into_iter().collect(),
        };
        self.in_flight = Some(group);
        Some(self.submit(txn))
    }

    fn submit(&self, txn: RawTxn) -> Commit {
        let backend = Arc::clone(&self.backend);
        async move { (backend.commit(txn.clone()).await, txn) }.boxed()
    }

    fn committed(&mut self, result: Result<Revision, CommitError>, txn: RawTxn) -> Option<Commit> {
        match result {
            Ok(revision) => {
                self.count(|s| Stats::bump(&s.commits));
                if let Some(group) = self.in_flight.take() {
                    self.durable(group, revision);
                }
                None
            }
            Err(CommitError::Unknown(why)) => {
                tracing::warn!(tx = txn.id, why, "the outcome of a commit is unknown; settling it");
                self.count(|s| Stats::bump(&s.unknown_outcomes));
                let backend = Arc::clone(&self.backend);
                Some(
                    async move {
                        match backend.resolve(&txn.id).await {
                            Some(revision) => (Ok(revision), txn),
                            None => (Err(CommitError::Aborted), txn),
                        }
                    }
                    .boxed(),
                )
            }
            Err(error) => {
                self.rewind(&error);
                None
            }
        }
    }

    /// Our group has a revision. Publishes it at once if nothing of another member lies before it.
    fn durable(&mut self, group: Group, revision: Revision) {
        self.settled.insert(group.number, revision);
        self.settled.retain(|number, _| *number + 8 > group.number);
        self.head.settle(group.rows.keys().map(|(slot, key)| (*slot, key)), group.number, revision);
        if self.published.revision >= revision {
            // The watch was faster.
            group.jobs.into_iter().for_each(|w| w.job.deliver());
        } else if self.published.revision + 1 == revision {
            let mut events = Vec::with_capacity(group.rows.len());
            for ((slot, key), row) in &group.rows {
                let row = row.clone().map(|row| Row { version: RowVersion::Durable(revision), ..row });
                let old = self.published.set(*slot, key, row.clone());
                events.push(Event { kind: self.published.schema.kinds[*slot].name, key: key.clone(), old, new: row });
            }
            self.publish(revision, events);
            group.jobs.into_iter().for_each(|w| w.job.deliver());
        } else {
            self.awaited = Some((group, revision));
        }
    }

    fn publish(&mut self, revision: Revision, events: Vec<Event>) {
        self.published.revision = revision;
        self.head.revision = revision;
        if let Some(shared) = self.shared.upgrade() {
            shared.ring.lock().push(Batch { revision, events });
            shared.published.store(Arc::new(self.published.clone()));
            shared.revisions.send_replace(revision);
        }
    }

    /// A batch from the watch. False ends the runner: the log holds what this program cannot read.
    async fn fed(&mut self, item: RawWatch, feed: &mut mpsc::Receiver<RawWatch>) -> bool {
        let read = match item {
            RawWatch::Batch(batch) if batch.revision <= self.published.revision => return true,
            // Our own commit, whose answer is on its way: that path publishes without decoding.
            RawWatch::Batch(batch) => self.apply(batch),
            RawWatch::Lost => self.reload(feed).await,
        };
        match read {
            Ok(()) => {
                if let Some((group, revision)) = self.awaited.take() {
                    if revision <= self.published.revision {
                        group.jobs.into_iter().for_each(|w| w.job.deliver());
                    } else {
                        self.awaited = Some((group, revision));
                    }
                }
                true
            }
            Err(e) => {
                tracing::error!(error = %e, "the store cannot go on");
                false
            }
        }
    }

    fn apply(&mut self, batch: RawBatch) -> Result<(), crate::backend::BackendError> {
        let schema = Arc::clone(&self.published.schema);
        let mut events = Vec::with_capacity(batch.events.len());
        for (raw, value) in &batch.events {
            let Some((slot, key)) =
                split_key(raw).and_then(|(kind, id)| Some((schema.slot_named(kind)?, Key::new(id))))
            else {
                continue;
            };
            let row = value.as_ref().map(|v| decode_row(&schema.kinds[slot], raw, v, batch.revision)).transpose()?;
            let old = self.published.set(slot, &key, row.clone());
            events.push(Event { kind: schema.kinds[slot].name, key, old, new: row });
        }
        self.publish(batch.revision, events);
        self.rebase();
        Ok(())
    }

    /// HEAD = PUBLISHED + what our groups wrote on top.
    fn rebase(&mut self) {
        self.head = self.published.clone();
        for group in self.awaited.iter().map(|(group, _)| group).chain(&self.in_flight).chain([&self.next]) {
            for ((slot, key), row) in &group.rows {
                self.head.set(*slot, key, row.clone());
            }
        }
    }

    /// Events were lost: loads everything, raises no epoch, and lets watchers reset.
    async fn reload(&mut self, feed: &mut mpsc::Receiver<RawWatch>) -> Result<(), crate::backend::BackendError> {
        self.count(|s| Stats::bump(&s.resets));
        let loaded = self.backend.load().await?;
        *feed = self.backend.watch(loaded.revision).await;
        self.published = read_all(Arc::clone(&self.published.schema), loaded)?;
        if let Some(shared) = self.shared.upgrade() {
            *shared.ring.lock() = crate::watch::Ring::starting_at(self.published.revision);
            shared.published.store(Arc::new(self.published.clone()));
            shared.revisions.send_replace(self.published.revision);
        }
        self.rebase();
        Ok(())
    }

    /// A commit failed for good: everything that rests on it runs again, or is refused.
    fn rewind(&mut self, error: &CommitError) {
        let failed = self.in_flight.take().map(|g| g.jobs).unwrap_or_default();
        let number = self.next.number + 1;
        let next = std::mem::replace(&mut self.next, Group::numbered(number));
        self.rebase();
        for mut waiting in failed.into_iter().chain(next.jobs) {
            let refused = matches!(error, CommitError::Refused(_)) || waiting.attempts >= ATTEMPTS;
            if refused {
                let text = "the request could not be stored now; try again";
                waiting.job.refuse(Error::unavailable(text).with_internal(format!("{}: {error}", waiting.job.label())));
                waiting.job.deliver();
            } else {
                if matches!(error, CommitError::Conflict(_)) {
                    self.count(|s| s.conflict(waiting.job.label()));
                }
                self.again.push(waiting);
            }
        }
    }

    fn run_again(&mut self) {
        for waiting in std::mem::take(&mut self.again) {
            self.execute(waiting);
        }
    }

    fn count(&self, f: impl FnOnce(&Stats)) {
        if let Some(shared) = self.shared.upgrade() {
            f(&shared.stats);
        }
    }
}
