//! Reconcilers: the back end made to hold what the store says, and deletions that a dead member began carried to their end.

mod finish_deleting;
mod mirror;
mod reconcile_backend;

pub use finish_deleting::FinishDeleting;
pub use mirror::{Counts, Mirror};
pub use reconcile_backend::ReconcileBackend;
