//! What a flow is made of.

use kernel::{Clock, Error, FlowId, Kind, Result, ids::RequestId};
use serde::{Serialize, de::DeserializeOwned};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};
use store::{Snapshot, Store, Tx};
use tokio::sync::watch;

/// A verb. The value itself holds what the steps need (drivers, ports); what one run needs is in `State`.
pub trait Flow: Send + Sync + Sized + 'static {
    /// `service.verb`; permanent, like the names of the steps and the shape of `State`.
    const KIND: &'static str;
    const VERSION: u32 = 1;
    type State: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;

    fn steps() -> Vec<Step<Self>>;

    /// Written in the transaction that ends the flow after everything was undone: the object's final state, with `why`.
    fn failed(&self, tx: &mut Tx, state: &Self::State, why: &str, now: kernel::Timestamp) -> Result<()>;
}

/// What a step answers if it is not done.
#[derive(Debug, Clone)]
pub enum StepError {
    /// Definitely not done, and nothing is left behind. The flow is undone from the step before.
    Failed(Error),
    /// Unknown, or not possible now: run it again.
    Retry(Error),
}

/// An error of a call whose effect is not known is a `Retry`; a definite refusal is `Failed`.
impl From<Error> for StepError {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Unavailable | Kind::Internal | Kind::TooManyRequests => Self::Retry(error),
            _ => Self::Failed(error),
        }
    }
}

pub type StepResult<F> = std::result::Result<Commit<F>, StepError>;

type Write<F> = Box<dyn FnMut(&mut Tx, &mut <F as Flow>::State) -> Result<()> + Send>;
type BoxedStep<F> = Box<
    dyn Fn(Arc<F>, StepCx, <F as Flow>::State) -> Pin<Box<dyn Future<Output = StepResult<F>> + Send>> + Send + Sync,
>;

/// What a step writes when it is done; runs in the transaction that moves the flow on. An error means that the step cannot
/// count as done: it is undone, with all before it.
pub struct Commit<F: Flow>(pub(crate) Write<F>);

impl<F: Flow> Commit<F> {
    /// Writes with a closure, which may run more than once.
    pub fn with(write: impl FnMut(&mut Tx, &mut F::State) -> Result<()> + Send + 'static) -> Self {
        Self(Box::new(write))
    }
    /// Nothing to write.
    pub fn nothing() -> Self {
        Self(Box::new(|_, _| Ok(())))
    }
}

pub struct Step<F: Flow> {
    /// Permanent: it stands in journals.
    pub name: &'static str,
    pub(crate) run: BoxedStep<F>,
    pub(crate) undo: Option<BoxedStep<F>>,
    /// One run may take this long; after that it counts as `Retry`.
    pub(crate) deadline: Duration,
    /// All runs together may take this long.
    pub(crate) patience: Duration,
}

impl<F: Flow> Step<F> {
    /// `run` is an `async fn(self: Arc<F>, cx: StepCx, state: F::State) -> StepResult<F>`.
    pub fn new<Fut: Future<Output = StepResult<F>> + Send + 'static>(
        name: &'static str,
        run: impl Fn(Arc<F>, StepCx, F::State) -> Fut + Send + Sync + 'static,
    ) -> Self {
        let run: BoxedStep<F> = Box::new(move |flow, cx, state| Box::pin(run(flow, cx, state)));
        Self { name, run, undo: None, deadline: Duration::from_secs(60), patience: Duration::from_secs(120) }
    }

    /// How to take it back. Runs also if the step may have been done, so it must bear that it was not.
    #[must_use]
    pub fn undo<Fut: Future<Output = StepResult<F>> + Send + 'static>(
        mut self,
        undo: impl Fn(Arc<F>, StepCx, F::State) -> Fut + Send + Sync + 'static,
    ) -> Self {
        self.undo = Some(Box::new(move |flow, cx, state| Box::pin(undo(flow, cx, state))));
        self
    }

    #[must_use]
    pub fn within(mut self, deadline: Duration, patience: Duration) -> Self {
        (self.deadline, self.patience) = (deadline, patience);
        self
    }
}

/// What a step knows of its surroundings.
#[derive(Clone)]
pub struct StepCx {
    pub flow: FlowId,
    pub step: &'static str,
    /// Grows with every change of owner; drivers that can, refuse a lower one.
    pub epoch: u64,
    pub attempt: u32,
    pub request_id: RequestId,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub(crate) cancelled: watch::Receiver<bool>,
}

impl StepCx {
    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    pub fn now(&self) -> kernel::Timestamp {
        self.clock.now()
    }

    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }

    /// Ends when somebody asked the flow to stop.
    pub async fn cancelled(&self) {
        let mut cancelled = self.cancelled.clone();
        if cancelled.wait_for(|c| *c).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until `look` finds what it looks for in the newest snapshot; ends early with `Failed` when the flow is cancelled.
    /// The step's deadline bounds it.
    pub async fn wait_for<T>(
        &self,
        mut look: impl FnMut(&Snapshot) -> Option<std::result::Result<T, StepError>>,
    ) -> std::result::Result<T, StepError> {
        let mut watch = self.store.watch();
        loop {
            if let Some(found) = look(&self.store.snapshot()) {
                return found;
            }
            tokio::select! {
                _ = watch.next() => {}
                () = self.cancelled() => return Err(StepError::Failed(Error::conflict("the operation was cancelled"))),
            }
        }
    }
}
