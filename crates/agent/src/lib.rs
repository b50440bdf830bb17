//! What runs on a host, and how members talk to it.
//!
//! ```text
//!   member: Gateway ◀──────────── HTTP/2, mTLS (or in process) ────────────▶ host: Host
//!     intents of the store ──stream: snapshot, end mark, changes, Gone──▶ one task per VM ──▶ drivers
//!     flows, API           ──stream: Call ──────────────────────────────▶ calls
//!     Compute::observe     ◀──observations, batched, debounced────────────┘
//!     waiting caller       ◀──replies
//! ```
//!
//! Invariants
//! - A host is told only its own intent, and can report only of its own guests (the certificate names the host).
//! - Absence destroys nothing: a guest is removed only on an intent with power `Absent`, or after an explicit `Gone` of a
//!   generation not older than the one the host knows.
//! - Observations are idempotent by (server, generation, sequence); they are sent until acknowledged. Calls are idempotent
//!   too, so an answer that got lost is asked for again.
//! - Each VM has one task, which alone talks to the drivers about it.

mod calls;
mod convert;
mod done;
mod encrypted;
mod gateway;
mod host;
mod link;
mod live;
mod metadata;
mod protocol;
mod remote;
mod report;
mod traffic;
mod transfer;
mod tunnel;
mod vm;

pub use gateway::{Gateway, GatewayDeps, Observer};
pub use host::{Host, HostAudit, HostClaims, HostConfig, HostDrivers};
pub use link::{LocalLink, MemberLink};
pub use protocol::{Down, Hello, Pool, Reply};
pub use remote::{PeerName, RemoteLink, routes};
pub use tunnel::{Duplex, Tunnel};
