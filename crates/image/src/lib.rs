//! Images: bytes that disks begin with, and what is known of them.
//!
//! ```text
//!            create                 upload                 inspected, hashed
//!   (none) ─────────▶ queued ───────────────▶ saving ───────────────────────▶ active ◀──▶ deactivated
//!                       ▲  failure, process gone │                              │
//!                       └────────────────────────┘                    delete ───┴──▶ (gone), bytes when nobody else has them
//!
//! queued ── stage ──▶ uploading ── import ──▶ importing ── inspected, copied to stores ──▶ active
//!    └────────── import from the web, another image ──▶┘ └── failed ──▶ queued
//! ```
//!
//! Invariants
//! - Bytes lie in a store under their hash; the record of an active image names a blob that is there, entirely.
//! - Nothing is active that the inspector refused: a file that is not what `disk_format` says, that points at another file, or
//!   that is damaged, is refused before any guest or converter sees it (the class of CVE-2024-32498 and CVE-2024-44082).
//! - `saving` names the process that is writing. When that process is gone the image goes back to `queued`.
//! - `importing` has a flow ([`flows`]); what it has written is its journal's until the image is active.
//! - Another project's private image does not exist for the caller (404). A member sees a shared one; it appears in lists once
//!   accepted.

pub mod api;
mod audit;
pub mod driver;
mod error;
mod flows;
mod model;
mod ops;
pub mod policy;
mod port;
mod protections;
mod service;
mod uri;

pub use audit::audit;
pub use flows::{flows, reconcilers};
pub use model::{Image, Member, MemberStatus, Status, Visibility};
pub use protections::PropertyRules;
pub use service::{Conversion, ImageDeps, ImageService, ImportSettings};
pub use uri::{UriRules, public};

use store::Schema;

/// The kinds of object this service keeps.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    schema
        .with::<Image>()
        .with::<model::Namespace>()
        .with::<model::ResourceType>()
        .with::<model::Task>()
        .with::<model::CacheRequest>()
}
