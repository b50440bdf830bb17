//! Block storage: volumes, their snapshots, and who has them attached.
//!
//! ```text
//!             create                    attach: reserve          complete
//!   (none) ──────────▶ creating ─▶ available ─────────▶ reserved ─────────▶ in-use
//!                         │          ▲  │  ▲                 │ release       │ begin_detach
//!                         ▼          │  │  └─────────────────┘               ▼
//!                       error        │  └─▶ extending, uploading,      detaching ──release──▶ available
//!                                    │      deleting (flows)
//!                                    └───────── snapshot: creating ─▶ available ─▶ deleting
//! ```
//!
//! Invariants
//! - A volume in `creating`, `deleting`, `extending` or `uploading` has a live flow; a snapshot in `creating` or `deleting` too.
//! - Status follows attachments: `in-use` exactly while one is complete, `reserved` while one is open and none complete.
//! - Quota usage changes in the transaction that makes or removes the record.
//! - What happens on a pool happens in its host's agent, reached by `ports::HostCalls`; every call there is idempotent and
//!   carries the volume's generation.
//! - Another project's volume does not exist for the caller (404).

pub mod api;
mod audit;
pub mod driver;
mod error;
mod flows;
mod model;
mod ops;
pub mod policy;
mod pools;
mod port;
mod service;

pub use audit::audit;
pub use model::{Attachment, AttachmentStatus, Snapshot, SnapshotStatus, Volume, VolumePool, VolumeStatus, VolumeType};
pub use pools::PoolReport;
pub use service::{VolumeDeps, VolumeService};

use flow::EngineBuilder;
use store::Schema;

/// The kinds of object this service keeps.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    schema.with::<Volume>().with::<Snapshot>().with::<Attachment>().with::<VolumeType>().with::<VolumePool>()
}

/// The verbs of this service.
#[must_use]
pub fn flows(engine: EngineBuilder, service: &VolumeService) -> EngineBuilder {
    flows::register(engine, service)
}
