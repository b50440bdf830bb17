//! Placement: what each host has, what is claimed of it, and the decision who gets a host next.
//!
//! ```text
//!   agent connects ──report_inventory──▶ Provider { inventories, used, zone, traits }
//!                                           ▲            │ ordered by free memory
//!   compute's flow ──claim(tx)──▶ scheduler ┘            ▼
//!                                   │ pure        filters ▸ weighers ▸ one host
//!                                   ▼
//!                     Allocation { consumer, provider → resources }  +  Provider.used, one transaction
//! ```
//!
//! Operators and other services write here too, by the REST API ([`ops`]): providers of their own, in trees ([`model::root`]) and shared
//! by aggregates, custom classes and traits, and allocations. What that means for a host's own provider is said in
//! [`model::Reported`]; [`KeepHosts`] puts right what only the host can know. Who could satisfy a request is decided by
//! [`candidates`], for clients of the API, and by [`scheduler`], for our own servers.
//!
//! Invariants
//! - `Provider::used` is the sum of the allocations against it: both are written by [`model::book`] and what stands beside it, in one
//!   transaction. [`audit`] counts again.
//! - A claim never takes more than `(total − reserved) × ratio`. Only an inventory that shrinks can leave a provider over
//!   its capacity, and then nothing more is claimed there.
//! - No herd: a claim is decided inside the transaction that writes it, over a view that holds all earlier claims of this
//!   process; a claim of another member on the same host conflicts at commit and is decided again.
//! - A parent, a trait or a class is written by who begins to refer to it, so that removing it meanwhile conflicts.
//! - A refusal is explained for each host, with what is missing there.
//!
//! The scheduler ([`scheduler`]) is a function from data to data. It looks at the hosts with most free memory first, by an
//! index, and stops when it has enough that fit: with 5,000 hosts a claim touches some dozens.

pub mod api;
mod audit;
mod candidates;
mod content;
mod error;
mod flows;
pub mod model;
mod ops;
mod placer;
pub mod policy;
pub mod scheduler;
mod service;

pub use audit::audit;
use content::Content;
pub use error::PlacementError;
pub use flows::KeepHosts;
pub use placer::{Ratios, Scheduler};
pub use scheduler::weighers::Weights;
pub use service::Placement;

use model::{Allocation, CustomClass, CustomTrait, HostCells, Provider};
use store::Schema;

/// The kinds of object this service keeps.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    schema.with::<Provider>().with::<HostCells>().with::<Allocation>().with::<CustomClass>().with::<CustomTrait>()
}
