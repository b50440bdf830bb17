//! The one task that runs transactions, and the only one that moves PUBLISHED.
//!
//! ```text
//!   PUBLISHED ◀─apply─ IN FLIGHT ◀─submit─ NEXT ◀─run─ queue
//!       ▲              one group:          the group being
//!       │              submitted, or       filled, up to 64
//!       │              committed and       transactions         HEAD = PUBLISHED + in flight + next
//!       └─ watch       awaited
//! ```
//!
//! Closures run one after another over HEAD, so within a process nobody ever conflicts; while one group is being committed the
//! next one fills. A group's outcome:
//!
//! - *Committed*, and nothing of another member lies before it: PUBLISHED becomes what HEAD was at submission, without decoding
//!   anything. Else it is *awaited*: the watch brings it together with what lies before. Callers get their results when
//!   PUBLISHED has the commit, so who has a result sees it in a snapshot.
//! - *Unknown*: settled with the back end (`tx/<id>`) before anything else happens. What can never be settled ends the store.
//! - *Conflict*: another member wrote what we read. HEAD is thrown away; nothing runs until PUBLISHED has reached the revision
//!   of the conflict; then every transaction of the group and of the next one runs again. Who read what has changed is to blame:
//!   counted, and after [`CONFLICTS`] times refused. Who only stood beside it is not.
//! - *Refused*: the group's transactions are refused with the reason; the next one's, which ran over them, run again.
//!
//! What only read or refused writes nothing, but its answer may rest on what is not durable, or on what another member has long
//! changed. So it joins a group as the others do: answered when the group is through, its point reads validated with the
//! rest. If the whole group only read, a validation is all there is, and on a back end that only this process writes not even
//! that.
//!
//! Invariants
//! - At most one group is in flight; a group is submitted when nothing else is, so none of its reads is pending then.
//! - HEAD's rows of a group carry one [`Written`], which gets the revision once; nobody rewrites rows.
//! - A closure's panic is its caller's error. A row in memory runs no code of its type when it is replaced.
//! - The task ends when every handle is gone and nothing is in flight, or with a reason in `Shared::failure`: then readers and
//!   writers are refused, for what this process holds no longer follows the log.

mod follow;
mod group;
mod job;
mod publish;
mod reruns;

pub(crate) use job::{Job, TypedJob};

use crate::{
    Backend, Revision, Snapshot, Stats, Tx,
    backend::{BackendError, CommitError, Committed, RawTxn},
    keys::Compare,
    object::Written,
    store::Shared,
};
use follow::follow;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, future::OptionFuture};
use group::Group;
use job::Waiting;
use reruns::Reruns;
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
};
use tokio::{sync::mpsc, time::sleep_until};

/// Conflicts of one transaction before they are its caller's.
const CONFLICTS: u32 = 16;
/// Runs of one transaction, whoever was to blame.
const RUNS: u32 = 64;

/// How a submitted group ended.
enum Answer {
    Committed(Committed),
    /// Nothing was written, and what was read still holds.
    Valid,
    Failed(CommitError),
    /// Nobody can know.
    Lost(BackendError),
}

enum Flight {
    Nothing,
    /// With what PUBLISHED becomes if nothing else is written meanwhile.
    Submitted(Group, Snapshot),
    /// Committed at a revision that PUBLISHED has not reached.
    Awaited(Group, Revision),
}

pub(crate) struct Runner {
    backend: Arc<dyn Backend>,
    shared: Weak<Shared>,
    stats: Arc<Stats>,
    published: Snapshot,
    head: Snapshot,
    flight: Flight,
    next: Group,
    reruns: Reruns,
    /// Of a group that met a conflict; judged when PUBLISHED has reached `resume_at`.
    conflicted: Vec<Waiting>,
    resume_at: Revision,
}

impl Runner {
    pub(crate) fn new(backend: Arc<dyn Backend>, shared: &Arc<Shared>, published: Snapshot) -> Self {
        Self {
            backend,
            shared: Arc::downgrade(shared),
            stats: Arc::clone(&shared.stats),
            head: published.clone(),
            published,
            flight: Flight::Nothing,
            next: Group::new(),
            reruns: Reruns::default(),
            conflicted: Vec::new(),
            resume_at: 0,
        }
    }

    pub(crate) async fn run(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        let shared = self.shared.clone();
        let panicked = |_| Err(BackendError::Corrupt("the task that runs transactions panicked".into()));
        if let Err(e) = AssertUnwindSafe(self.go(&mut jobs)).catch_unwind().await.unwrap_or_else(panicked) {
            tracing::error!(error = %e, "the store cannot go on");
            if let Some(shared) = shared.upgrade() {
                shared.fail(&e); // before the queue closes, so that callers learn why
            }
        }
    }

    async fn go(&mut self, jobs: &mut mpsc::Receiver<Box<dyn Job>>) -> Result<(), BackendError> {
        let mut feed = follow(Arc::clone(&self.backend), self.published.revision);
        let mut answer: Option<BoxFuture<'static, Answer>> = None;
        let mut open = true;
        loop {
            // On a back end of our own the feed only repeats what an answer is about to say.
            let listens = answer.is_none() || self.backend.shared();
            while listens && let Some(Some(fed)) = feed.next().now_or_never() {
                self.fed(fed)?;
            }
            self.run_again();
            if matches!(self.flight, Flight::Nothing) && !self.next.jobs.is_empty() {
                while self.accepts()
                    && let Ok(job) = jobs.try_recv()
                {
                    self.execute(Waiting::new(job));
                }
                answer = self.submit();
                continue;
            }
            if !open && self.is_idle() {
                return Ok(());
            }
            let due = self.reruns.next_due().filter(|_| self.may_run() && self.next.jobs.is_empty());
            tokio::select! {
                biased;
                Some(ended) = OptionFuture::from(answer.as_mut()) => {
                    answer = None;
                    self.answered(ended)?;
                }
                Some(fed) = feed.next(), if listens => self.fed(fed)?,
                job = jobs.recv(), if open && self.accepts() => match job {
                    Some(job) => self.execute(Waiting::new(job)),
                    None => open = false,
                },
                Some(()) = OptionFuture::from(due.map(|at| sleep_until(at.into()))) => {}
            }
        }
    }

    fn is_idle(&self) -> bool {
        matches!(self.flight, Flight::Nothing)
            && self.next.jobs.is_empty()
            && self.reruns.is_empty()
            && self.conflicted.is_empty()
    }

    /// PUBLISHED has what the last conflict was about.
    fn may_run(&self) -> bool {
        self.published.revision >= self.resume_at
    }

    fn accepts(&self) -> bool {
        self.may_run() && !self.next.sealed && !self.next.is_full()
    }

    /// Something may have been read that is not durable.
    fn anything_pending(&self) -> bool {
        !matches!(self.flight, Flight::Nothing) || !self.next.only_read()
    }

    /// Runs one closure over HEAD. What needs no commit is answered here, the rest joins the next group.
    fn execute(&mut self, mut waiting: Waiting) {
        if waiting.job.abandoned() {
            return; // nothing was written yet, and nobody wants it
        }
        if waiting.runs >= RUNS {
            return waiting.refuse("it had to run too often");
        }
        let mut tx = Tx::new(self.head.clone(), self.next.written.clone(), self.next.next_id());
        let writes = waiting.run(&mut tx, &self.stats);
        // What another member may have changed; a panic or a refusal rests on it no less than a result.
        let unvalidated = self.backend.shared() && !tx.reads.is_empty();
        if writes.is_empty() && !unvalidated && !self.anything_pending() {
            waiting.job.deliver();
            return;
        }
        if !writes.is_empty() {
            self.head = tx.view.clone();
        }
        self.next.absorb(waiting, tx, writes);
    }

    /// Fills the next group with a batch of transactions whose time to run again has come.
    fn run_again(&mut self) {
        while self.may_run()
            && self.next.jobs.is_empty()
            && let Some(batch) = self.reruns.take_due()
        {
            let mut batch = batch.into_iter();
            while !self.next.is_full()
                && let Some(waiting) = batch.next()
            {
                self.execute(waiting);
            }
            self.next.sealed = !self.next.jobs.is_empty();
            self.reruns.at_once(batch.collect());
        }
    }

    /// Sends the next group off. Nothing is in flight, so all that it read has its revision.
    fn submit(&mut self) -> Option<BoxFuture<'static, Answer>> {
        let mut group = std::mem::replace(&mut self.next, Group::new());
        let compares = group.compares(&self.head.schema);
        let answer = match group.only_read() {
            true if compares.is_empty() || !self.backend.shared() => {
                group.deliver();
                return None;
            }
            true => validate(Arc::clone(&self.backend), compares).boxed(),
            false => commit(Arc::clone(&self.backend), group.take_txn(compares), Arc::clone(&self.stats)).boxed(),
        };
        self.flight = Flight::Submitted(group, self.head.clone());
        Some(answer)
    }

    fn answered(&mut self, answer: Answer) -> Result<(), BackendError> {
        let flight = std::mem::replace(&mut self.flight, Flight::Nothing);
        let Flight::Submitted(group, result) = flight else { unreachable!("only a submitted group is answered") };
        match answer {
            Answer::Committed(committed) => self.committed(group, result, committed),
            Answer::Valid => group.deliver(),
            Answer::Failed(error) => self.rewind(group, &error),
            Answer::Lost(error) => return Err(error),
        }
        Ok(())
    }

    /// A group failed for good, and with it all that rests on it.
    fn rewind(&mut self, group: Group, error: &CommitError) {
        tracing::debug!(%error, transactions = group.jobs.len(), "a commit failed");
        match error {
            CommitError::Conflict { at } => (self.conflicted, self.resume_at) = (group.jobs, *at),
            CommitError::Refused(why) => group.jobs.into_iter().for_each(|w| w.refuse(why)),
            CommitError::Aborted | CommitError::Unknown(_) => self.reruns.at_once(group.jobs),
        }
        let next = std::mem::replace(&mut self.next, Group::new());
        self.reruns.at_once(next.jobs);
        self.rebase();
        self.judge();
    }

    /// Finds out whose reads have been overtaken, once PUBLISHED can tell.
    fn judge(&mut self) {
        if !self.may_run() || self.conflicted.is_empty() {
            return;
        }
        let published = &self.published;
        let overtaken = |w: &Waiting| {
            w.reads.iter().any(|((slot, key), found)| {
                let now = published.row(*slot, key).map(|row| row.written.revision());
                now != found.as_ref().map(Written::revision)
            })
        };
        let (mut to_blame, beside): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.conflicted).into_iter().partition(overtaken);
        for waiting in &mut to_blame {
            waiting.conflicts += 1;
            self.stats.conflict(waiting.job.label());
        }
        for waiting in to_blame.extract_if(.., |w| w.conflicts >= CONFLICTS) {
            waiting.refuse("it met too many conflicts");
        }
        self.reruns.at_once(beside);
        self.reruns.after_a_pause(to_blame);
    }
}

/// Commits, and settles the outcome if it stays unknown.
async fn commit(backend: Arc<dyn Backend>, txn: RawTxn, stats: Arc<Stats>) -> Answer {
    let id = txn.id.clone();
    let error = match backend.commit(txn).await {
        Ok(committed) => {
            Stats::bump(&stats.commits);
            return Answer::Committed(committed);
        }
        Err(CommitError::Unknown(why)) => why,
        Err(error) => return Answer::Failed(error),
    };
    tracing::warn!(tx = id, why = error, "the outcome of a commit is unknown; settling it");
    Stats::bump(&stats.unknown_outcomes);
    match backend.resolve(&id).await {
        Ok(Some(revision)) => {
            Stats::bump(&stats.commits);
            Answer::Committed(Committed { revision, previous: None })
        }
        Ok(None) => Answer::Failed(CommitError::Aborted),
        Err(error) => Answer::Lost(error),
    }
}

async fn validate(backend: Arc<dyn Backend>, compares: Vec<Compare>) -> Answer {
    match backend.validate(&compares).await {
        Ok(Ok(())) => Answer::Valid,
        Ok(Err(at)) => Answer::Failed(CommitError::Conflict { at }),
        Err(error) => Answer::Failed(CommitError::Refused(error.to_string())),
    }
}
