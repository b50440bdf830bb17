//! What the platform says about itself: logs, metrics, and panics that were caught.
//!
//! Invariants
//! - One metrics registry per process ([`metrics`]); whoever has a number puts it there, nobody renders its own text.
//! - A task started with [`spawn_caught`] cannot take anything else down: its panic is counted, logged, and given to whoever waits.
//! - Logging never decides: if it was not initialised, or the output is gone, everything else goes on.

mod lines;
mod log;
mod metrics;
mod panics;

pub use lines::flush_log;
pub use log::{LogConfig, LogFormat, LogLevel, init_logging};
pub use metrics::{Metrics, Samples, metrics, render};
pub use panics::{Panicked, caught, counted_panic, spawn_caught};
