//! A transaction on its way: a closure whose types are hidden, what its last run read, and how often it had to run.

use crate::{Stats, Tx, tx::Reads};
use bytes::Bytes;
use kernel::{Error, Result};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// A closure that takes longer than this holds everybody up, and is named in the log.
const SLOW: Duration = Duration::from_millis(50);

pub(crate) trait Job: Send {
    fn label(&self) -> &'static str;
    /// Runs the closure; false if it refused.
    fn run(&mut self, tx: &mut Tx) -> bool;
    fn refuse(&mut self, error: Error);
    /// Nobody waits for the result.
    fn abandoned(&self) -> bool;
    /// Sends the result to the caller.
    fn deliver(self: Box<Self>);
}

pub(crate) struct TypedJob<R, F> {
    pub(crate) label: &'static str,
    pub(crate) closure: F,
    pub(crate) result: Option<Result<R>>,
    pub(crate) reply: oneshot::Sender<Result<R>>,
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
    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }
    fn deliver(self: Box<Self>) {
        if let Some(result) = self.result {
            let _ = self.reply.send(result); // the caller may have gone; what is committed stays so
        }
    }
}

pub(super) struct Waiting {
    pub(super) job: Box<dyn Job>,
    /// What the last run read that its own group had not written.
    pub(super) reads: Reads,
    pub(super) runs: u32,
    /// Runs whose own reads had been overtaken.
    pub(super) conflicts: u32,
}

impl Waiting {
    pub(super) fn new(job: Box<dyn Job>) -> Self {
        Self { job, reads: Reads::new(), runs: 0, conflicts: 0 }
    }

    /// Runs the closure and returns what is to be written: nothing if it refused, panicked or asked for too much.
    pub(super) fn run(&mut self, tx: &mut Tx, stats: &Stats) -> Vec<(String, Option<Bytes>)> {
        let began = Instant::now();
        self.runs += 1;
        Stats::bump(&stats.transactions);
        let job = &mut self.job;
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(tx).then(|| tx.encode())));
        let refusal = match ran {
            Ok(Some(Ok(writes))) => return self.warn_if_slow(began, writes),
            Ok(Some(Err(error))) => Some(error),
            Ok(None) => None,
            Err(_) => {
                Stats::bump(&stats.panics);
                tracing::error!(label = self.job.label(), "caught a panic in a transaction");
                Some(Error::internal(format!("transaction {} panicked", self.job.label())))
            }
        };
        Stats::bump(&stats.refusals);
        if let Some(error) = refusal {
            self.job.refuse(error);
        }
        self.warn_if_slow(began, Vec::new())
    }

    fn warn_if_slow<T>(&self, began: Instant, result: T) -> T {
        let took = began.elapsed();
        if took > SLOW {
            tracing::warn!(label = self.job.label(), ?took, "a transaction's closure held up all others");
        }
        result
    }

    pub(super) fn refuse(mut self, why: &str) {
        let text = "the request could not be stored now; try again";
        self.job.refuse(Error::unavailable(text).with_internal(format!("{}: {why}", self.job.label())));
        self.job.deliver();
    }
}
