//! Identity: Keystone v3. Who there is, who may do what where, and where the other services are.
//!
//! ```text
//!   POST /v3/auth/tokens ─▶ tokens::issue ─▶ sealed text ─▶ client ─▶ any service
//!                                                                        │ http asks TokenValidator
//!        Credentials (user, scope, roles) ◀── tokens::validate ◀─────────┘ (in this process, from the snapshot)
//! ```
//!
//! What it owns: domains and what they set, projects, users, groups, roles and their assignments; the catalog, who sees what of
//! it, and policies and limits kept for other services; what lends powers (application credentials, trusts, OAuth 1.0a, EC2
//! keys); what federation would need; the keys that seal and sign; what was revoked ([`model`]). What can be done with them
//! is in [`ops`], a folder per resource, under the rules in [`policy`]; `api` gives it Keystone's shape.
//!
//! Life of an account and of a removal:
//!
//! ```text
//!   enabled ◀──────▶ disabled          there ──mark──▶ deleting ──what hangs on it, in batches──▶ gone
//!      │ too many wrong passwords                         (nobody finds it; ops::removal)
//!      ▼
//!   locked ──time, or an administrator──▶ enabled
//! ```
//!
//! Invariants
//! - A token says who and where, never what may be done: roles, and whether everything it names is there and enabled, are
//!   looked up at each use. What is taken from a user counts from the next request on, on every member as soon as its state
//!   has reached that revision.
//! - Nobody gets a role that does not exist: whoever grants reads user, target and role in the granting transaction, and
//!   whoever removes one of them marks it first.
//! - A name is unique in its space by a claim in the transaction that gives it.
//! - What was lent is never more than its lender has at that moment, and lends on only where that was meant (a trust's own token).
//! - Every secret that must be read again is sealed by a ring, and moves to the ring's new key.
//! - Whether a user exists cannot be told from a refused login, neither by its words nor by its time.
//! - Every change and every login leaves an event under `history/audit`, written with it.

mod api;
mod config;
mod error;
mod known_limits;
pub mod model;
pub mod ops;
pub mod policy;
mod projects;
mod sealer;
mod service;

pub use api::{bodies, router, routes, spec};
pub use config::{Algorithm, IdentityConfig, LimitModel, LockoutConfig, PasswordConfig, TokenConfig, TokenFormat};
pub use error::Refusal;
pub use known_limits::KnownLimits;
pub use model::schema;
pub use ops::bootstrap::{BootstrapSpec, bootstrap};
pub use projects::KnownProjects;
pub use service::Identity;

use flow::Reconciler;
use std::sync::Arc;

/// What keeps identity's house: hand each to `flow::spawn_reconciler`.
pub fn reconcilers(identity: &Identity) -> Vec<Arc<dyn Reconciler>> {
    vec![Arc::new(ops::keys::KeyRotation(identity.clone())), Arc::new(ops::removal::Sweeper(identity.clone()))]
}
