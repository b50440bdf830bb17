//! Carries one flow from where its journal stands to its end.

use crate::{
    Commit, Flow, FlowRecord, Phase, Step, StepCx, StepError, StepResult,
    engine::EngineCore,
    testkit::{Action, Point},
};
use kernel::{Error, FlowId, Kind};
use std::{sync::Arc, time::Duration};
use store::Tx;
use tokio::sync::watch;

/// The first pause before a step runs again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Between tries of a flow that needs an operator.
const OPERATOR_PAUSE: Duration = Duration::from_secs(60);

/// Why an executor stopped before the flow's end.
enum Stop {
    /// Another process owns the flow now, or it is gone.
    Lost,
}

/// What became of a write to the journal.
enum Written {
    Moved,
    /// The flow is over; the word is what metrics call its outcome.
    Ended(&'static str),
    /// The step's own writes were refused, and the record stands where it stood.
    Refused(String),
    /// The store could not be written now; the record stands where it stood.
    Later,
}

/// One flow in this process.
pub(crate) struct Executor<F: Flow> {
    pub(crate) core: Arc<EngineCore>,
    pub(crate) flow: Arc<F>,
    pub(crate) steps: Arc<Vec<Step<F>>>,
    pub(crate) id: FlowId,
    pub(crate) epoch: u64,
    pub(crate) cancelled: watch::Receiver<bool>,
}

/// What to do with the flow after a step was run or undone.
enum Move {
    On,
    /// Begin undoing: at this very step, or at the one before.
    Back {
        include_this: bool,
        why: String,
    },
    Stuck(String),
}

impl<F: Flow> Executor<F> {
    /// Runs to the end of the flow, or until it is lost.
    pub(crate) async fn run(self) {
        loop {
            match self.turn().await {
                Ok(Written::Ended(_)) | Err(Stop::Lost) => return,
                Ok(Written::Moved | Written::Refused(_)) => {}
                Ok(Written::Later) => tokio::time::sleep(FIRST_PAUSE).await,
            }
        }
    }

    /// One step.
    async fn turn(&self) -> Result<Written, Stop> {
        let record = self.core.store.snapshot().get::<FlowRecord>(&self.id).ok_or(Stop::Lost)?;
        if record.owner.epoch != self.epoch {
            return Err(Stop::Lost);
        }
        let stuck = record.phase == Phase::NeedsOperator;
        if stuck {
            tokio::time::sleep(OPERATOR_PAUSE).await;
        }
        let Some(at) = self.steps.iter().position(|s| s.name == record.step) else {
            let why = format!("this program does not know the step {}", record.step);
            return if stuck { Ok(Written::Moved) } else { self.journal(at_unknown(), Move::Stuck(why), None).await };
        };
        match record.phase {
            Phase::Running if record.cancelled => self.back(at, true, "the operation was cancelled".into()).await,
            Phase::Running => self.forward(at, &record).await,
            Phase::Undoing | Phase::NeedsOperator => self.backward(at, &record).await,
        }
    }

    async fn forward(&self, at: usize, record: &FlowRecord) -> Result<Written, Stop> {
        let step = &self.steps[at];
        let began = self.core.clock.monotonic();
        let mut pause = FIRST_PAUSE;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.attempt(step, record, attempt, false).await {
                Ok(commit) => {
                    let written = self.journal(at, Move::On, Some(commit)).await?;
                    let Written::Refused(why) = written else { return Ok(written) };
                    // It was done and cannot count as done: it is undone with the others.
                    return self.back(at, true, why).await;
                }
                // After an earlier attempt whose outcome is not known, something may have been left.
                Err(StepError::Failed(error)) => return self.back(at, attempt > 1, error.message().into()).await,
                Err(StepError::Retry(error)) => error,
            };
            tracing::debug!(flow = %self.id, kind = F::KIND, step = step.name, attempt, error = %error.internal_text(), "step must run again");
            let over = self.core.clock.monotonic().saturating_sub(began) >= step.patience;
            if over || *self.cancelled.borrow() {
                tracing::warn!(flow = %self.id, kind = F::KIND, step = step.name, error = %error.internal_text(), "step given up");
                return self.back(at, true, error.message().into()).await;
            }
            self.pause(&mut pause).await;
        }
    }

    /// Turns round. Where that would end the flow and its last writes are refused, the step itself is undone, which tries them
    /// again until somebody must look.
    async fn back(&self, at: usize, include_this: bool, why: String) -> Result<Written, Stop> {
        match self.journal(at, Move::Back { include_this, why: why.clone() }, None).await? {
            Written::Refused(_) if !include_this => {
                self.journal(at, Move::Back { include_this: true, why }, None).await
            }
            written => Ok(written),
        }
    }

    /// Undoes one step. What is refused in undoing (the writes of [`Flow::failed`] included) is tried again like a failed undo.
    async fn backward(&self, at: usize, record: &FlowRecord) -> Result<Written, Stop> {
        let step = &self.steps[at];
        let began = self.core.clock.monotonic();
        let mut pause = FIRST_PAUSE;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (internal, message) = match self.attempt(step, record, attempt, true).await {
                Ok(commit) => match self.journal(at, Move::On, Some(commit)).await? {
                    Written::Refused(why) => (why.clone(), why),
                    written => return Ok(written),
                },
                Err(StepError::Retry(error) | StepError::Failed(error)) => {
                    (error.internal_text(), error.message().to_owned())
                }
            };
            if self.core.clock.monotonic().saturating_sub(began) >= step.patience {
                tracing::error!(flow = %self.id, kind = F::KIND, step = step.name, error = internal, "flow needs an operator");
                telemetry::metrics().flow_ended(F::KIND, "needs_operator", self.age(record));
                return self.journal(at, Move::Stuck(format!("undoing {}: {message}", step.name)), None).await;
            }
            self.pause(&mut pause).await;
        }
    }

    fn age(&self, record: &FlowRecord) -> Duration {
        self.core.clock.now().since(record.started)
    }

    async fn pause(&self, pause: &mut Duration) {
        tokio::time::sleep(*pause).await;
        *pause = (*pause * 2).min(LONGEST_PAUSE);
    }

    /// Runs the step's code once: a panic or an overrun deadline is a `Retry`.
    async fn attempt(&self, step: &Step<F>, record: &FlowRecord, attempt: u32, undo: bool) -> StepResult<F> {
        let state: F::State = serde_json::from_value(record.state.clone()).map_err(|e| {
            StepError::Retry(Error::internal(format!("reading the state of {} {}", F::KIND, self.id)).with_source(e))
        })?;
        self.core.life.held().await;
        let code = match (undo, &step.undo) {
            (false, _) => &step.run,
            (true, Some(code)) => code,
            (true, None) => return Ok(Commit::nothing()),
        };
        if !undo {
            match self.core.probe(Point::BeforeRun(step.name)).await {
                Action::Fail => return Err(StepError::Failed(Error::conflict("injected failure"))),
                Action::Twice => {
                    let first = code(Arc::clone(&self.flow), self.context(step, attempt), state.clone());
                    let _ = telemetry::caught(F::KIND, first).await;
                }
                Action::Continue => {}
            }
        } else if self.core.probe(Point::BeforeUndo(step.name)).await == Action::Twice {
            let first = code(Arc::clone(&self.flow), self.context(step, attempt), state.clone());
            let _ = telemetry::caught(F::KIND, first).await;
        }
        let work = code(Arc::clone(&self.flow), self.context(step, attempt), state);
        match tokio::time::timeout(step.deadline, telemetry::caught(F::KIND, work)).await {
            Ok(Ok(result)) => result,
            Ok(Err(_counted)) => {
                Err(StepError::Retry(Error::internal(format!("step {} of {} panicked", step.name, F::KIND))))
            }
            Err(_) => Err(StepError::Retry(Error::unavailable(format!("{} took too long", step.name)))),
        }
    }

    fn context(&self, step: &Step<F>, attempt: u32) -> StepCx {
        StepCx {
            flow: self.id.clone(),
            step: step.name,
            epoch: self.epoch,
            attempt,
            request_id: self.request_id(),
            store: self.core.store.clone(),
            clock: Arc::clone(&self.core.clock),
            cancelled: self.cancelled.clone(),
        }
    }

    fn request_id(&self) -> kernel::ids::RequestId {
        self.core.store.snapshot().get::<FlowRecord>(&self.id).map(|r| r.request_id.clone()).unwrap_or_default()
    }

    /// One transaction: the step's own writes and the record's move.
    async fn journal(&self, at: usize, mv: Move, commit: Option<Commit<F>>) -> Result<Written, Stop> {
        let name = self.steps.get(at).map_or("", |s| s.name);
        self.core.probe(Point::BeforeCommit(name)).await;
        let written = self.write(at, mv, commit).await?;
        self.core.probe(Point::AfterCommit(name)).await;
        Ok(written)
    }

    async fn write(&self, at: usize, mv: Move, commit: Option<Commit<F>>) -> Result<Written, Stop> {
        let (flow, steps, id, epoch) = (Arc::clone(&self.flow), Arc::clone(&self.steps), self.id.clone(), self.epoch);
        let clock = Arc::clone(&self.core.clock);
        let mut commit = commit;
        let done = self.core.store.transact(F::KIND, move |tx| {
            let Some(record) = tx.get::<FlowRecord>(&id).filter(|r| r.owner.epoch == epoch) else {
                return Ok(Err(Stop::Lost));
            };
            let mut record = FlowRecord::clone(&record);
            let broken = |e: serde_json::Error| {
                Error::internal(format!("the state of {} {}", F::KIND, record.id)).with_source(e)
            };
            let mut state: F::State = serde_json::from_value(record.state.clone()).map_err(broken)?;
            if let Some(commit) = &mut commit {
                (commit.0)(tx, &mut state)?;
            }
            record.state = serde_json::to_value(&state).map_err(broken)?;
            record.updated = clock.now();
            let age = record.updated.since(record.started);
            Ok(Ok((advance(&*flow, &steps, tx, record, &state, at, &mv)?, age)))
        });
        match done.await {
            Ok(Ok((written, age))) => {
                if let Written::Ended(outcome) = written {
                    telemetry::metrics().flow_ended(F::KIND, outcome, age);
                }
                Ok(written)
            }
            Ok(Err(stop)) => Err(stop),
            Err(e) if e.is(Kind::Unavailable) => Ok(Written::Later),
            Err(e) => {
                tracing::warn!(flow = %self.id, kind = F::KIND, error = %e.internal_text(), "a step's writes were refused");
                Ok(Written::Refused(e.message().to_owned()))
            }
        }
    }
}

/// A position no step has.
fn at_unknown() -> usize {
    usize::MAX
}

/// Moves a record on, back, or to its end.
fn advance<F: Flow>(
    flow: &F,
    steps: &[Step<F>],
    tx: &mut Tx,
    mut record: FlowRecord,
    state: &F::State,
    at: usize,
    mv: &Move,
) -> kernel::Result<Written> {
    match (mv, record.phase) {
        (Move::On, Phase::Running) => match steps.get(at + 1) {
            Some(next) => record.step = next.name.into(),
            None => {
                tx.delete::<FlowRecord>(&record.id);
                return Ok(Written::Ended("done"));
            }
        },
        (Move::Back { include_this, why }, _) => {
            record.phase = Phase::Undoing;
            record.error = Some(why.clone());
            match if *include_this { Some(at) } else { at.checked_sub(1) } {
                Some(at) => record.step = steps[at].name.into(),
                None => return end_failed(flow, tx, &record, state),
            }
        }
        (Move::On, Phase::Undoing | Phase::NeedsOperator) => {
            record.phase = Phase::Undoing;
            match at.checked_sub(1) {
                Some(before) => record.step = steps[before].name.into(),
                None => return end_failed(flow, tx, &record, state),
            }
        }
        (Move::Stuck(why), _) => {
            record.phase = Phase::NeedsOperator;
            record.error = Some(why.clone());
        }
    }
    tx.put(record);
    Ok(Written::Moved)
}

fn end_failed<F: Flow>(flow: &F, tx: &mut Tx, record: &FlowRecord, state: &F::State) -> kernel::Result<Written> {
    let why = record.error.as_deref().unwrap_or("the operation failed");
    flow.failed(tx, state, why, record.updated)?;
    tx.delete::<FlowRecord>(&record.id);
    Ok(Written::Ended("undone"))
}
