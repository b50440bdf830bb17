//! The key manager: secrets of projects (keys, passphrases, certificates), in the manner of Barbican's API v1.
//!
//! ```text
//!   POST /v1/secrets ─▶ metadata only ──PUT payload──▶ with payload ──expiration──▶ not found, then removed
//!         └──────────────── with its payload ──────────────▲
//!   POST /v1/orders (key) ─▶ octets made here ─────────────┘
//!   volumes (ports::Keys) ─▶ octets made here, in the transaction that makes the volume
//! ```
//!
//! It owns [`model::Secret`] with its metadata, access list and consumers, containers that group secrets, orders that had secrets
//! made, and what Barbican has beside them: quotas, secret stores (one), transport keys.
//!
//! Invariants
//! - A payload is written only sealed (`ports::Sealer`, a key ring of identity's), never logged, and opened for one answer at a
//!   time. A payload is set once.
//! - Sealed with a ring's old key it moves to the new one ([`Reseal`]); the old key goes when nothing needs it any more.
//! - Who may do what is judged against the secret's own project, creator and access list: another project's secret is refused
//!   with 403, as Barbican does, not hidden.
//! - A secret past its expiration does not exist for anybody.

pub mod api;
mod error;
pub mod model;
mod ops;
pub mod policy;
mod port;
mod reseal;
mod service;

pub use reseal::Reseal;
pub use service::{KeyManager, KeyManagerDeps};

use std::sync::Arc;
use store::Schema;

/// The kinds of object this service keeps.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    let schema = schema.with::<model::Secret>().with::<model::Container>().with::<model::Order>();
    schema.with::<model::SecretStore>().with::<model::PreferredStore>().with::<model::TransportKey>()
}

/// What holds this service's states.
#[must_use]
pub fn reconcilers(service: &KeyManager) -> Vec<Arc<dyn flow::Reconciler>> {
    vec![Arc::new(Reseal(service.clone()))]
}
