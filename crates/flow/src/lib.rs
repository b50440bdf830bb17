//! Flows for verbs, reconcilers for states.
//!
//! A **flow** carries out a verb that takes more than one transaction (create a server, attach a volume): named steps with
//! `run` and `undo`, journalled in the store, resumed by another process after a kill.
//!
//! ```text
//!            start(tx)                 last step committed
//!   (none) ───────────▶ Running ───────────────────────────▶ (gone)
//!                         │  step Failed, cancel,
//!                         │  or patience over
//!                         ▼            first step undone: Flow::failed(tx)
//!                      Undoing ─────────────────────────────▶ (gone)
//!                         │  an undo's patience is over
//!                         ▼
//!                   NeedsOperator ── retried slowly, visible, blocks no other
//! ```
//!
//! How a step runs: the record says which step is next. [`Step::run`] does its I/O and writes nothing; it returns a [`Commit`],
//! a closure that writes the step's results. The engine runs that closure *and* moves the record to the next step in one
//! transaction. So between any two writes there is exactly one step that may have been done or not, and every step is written
//! to be done twice: what it makes is named by ids chosen in the flow's state before it begins.
//!
//! Invariants
//! - A record names its owner (node, incarnation, epoch). Every journal write compares the epoch; a process that was frozen
//!   and lost the flow cannot write. Steps pass the epoch on to drivers that can fence ([`StepCx::fence`]).
//! - A step answers `Ok` (done), [`StepError::Failed`] (definitely not done, nothing left behind) or [`StepError::Retry`]
//!   (unknown or not now); never a guess. When the patience of a step that answers `Retry` is over, it is undone as well.
//! - The transaction that starts a flow also writes the object's transitional state, and the one that ends it the final one:
//!   no object is transitional without a live flow.
//!
//! A **reconciler** holds a state: started by timer and watch, taking no input, idempotent ([`Reconciler`]).

mod engine;
mod executor;
mod life;
mod reconcile;
mod record;
mod step;
pub mod testkit;

pub use engine::{Engine, EngineBuilder};
pub use life::Starter;
pub use reconcile::{Reconciler, spawn_reconciler};
pub use record::{FlowRecord, Owner, Phase, Start, cancel, is_live, live_flow_of};
pub use step::{Commit, Flow, Step, StepCx, StepError, StepResult};
