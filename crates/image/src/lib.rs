//! Images: bytes that disks begin with, and what is known of them.
//!
//! ```text
//!            create                 upload                 inspected, hashed
//!   (none) ─────────▶ queued ───────────────▶ saving ───────────────────────▶ active ◀──▶ deactivated
//!                       ▲  failure, process gone │                              │
//!                       └────────────────────────┘                    delete ───┴──▶ (gone), bytes when nobody else has them
//! ```
//!
//! Invariants
//! - Bytes lie in a store under their hash; the record of an active image names a blob that is there, entirely.
//! - Nothing is active that the inspector refused: a file that is not what `disk_format` says, that points at another file, or
//!   that is damaged, is refused before any guest or converter sees it (the class of CVE-2024-32498 and CVE-2024-44082).
//! - `saving` names the process that is writing. When that process is gone the image goes back to `queued`.
//! - Another project's private image does not exist for the caller (404). A member sees a shared one; it appears in lists once
//!   accepted.

pub mod api;
mod audit;
pub mod driver;
mod error;
mod model;
mod ops;
pub mod policy;
mod port;
mod service;

pub use audit::audit;
pub use model::{Image, Member, MemberStatus, Status, Visibility};
pub use service::{ImageDeps, ImageService};

use store::Schema;

/// The kinds of object this service keeps.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    schema.with::<Image>().with::<model::Namespace>().with::<model::ResourceType>()
}
