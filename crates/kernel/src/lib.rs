//! The vocabulary every crate speaks: typed ids, who asks and under which scope, the one error type, microversions,
//! paging and the clock. Nothing here does I/O, and nothing here knows HTTP, the store or a service.
//!
//! Invariants
//! - An id of one resource cannot be passed where another's is wanted (`id_type!`).
//! - Time and randomness come from a [`Clock`] or an argument, so that whatever decides can be replayed.
//! - An [`Error`] has two texts: one for the client, one for the log; the second cannot reach a client.

pub mod auth;
pub mod clock;
pub mod conditions;
pub mod cpu_list;
pub mod ctx;
pub mod doctor;
pub mod error;
pub mod faults;
pub mod ids;
pub mod microversion;
pub mod paging;
pub mod testkit;

pub use auth::{Credentials, Scope, TokenValidator};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use ctx::Ctx;
pub use doctor::Finding;
pub use error::{Error, Kind, Result};
pub use ids::*;
pub use microversion::Microversion;
pub use paging::Page;
