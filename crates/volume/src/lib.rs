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
//! - A volume, snapshot or backup in a transitional status (`is_transitional`) has a live flow.
//! - What a group is, its volumes are; what makes or removes several of them is one flow, the group's, which owns them meanwhile.
//! - Status follows attachments: `in-use` exactly while one is complete, `reserved` while one is open and none complete.
//! - Quota usage changes in the transaction that makes or removes the record.
//! - What happens on a pool happens in its host's agent, reached by `ports::HostCalls`; every call there is idempotent and
//!   carries the volume's generation.
//! - Another project's volume does not exist for the caller (404).

pub mod api;
mod audit;
mod capabilities;
pub mod driver;
pub mod encryptor;
mod error;
mod flows;
mod limits;
mod model;
mod ops;
pub mod policy;
mod pools;
mod port;
mod quotas;
mod service;

pub use audit::audit;
pub use model::{
    Attachment, AttachmentStatus, Backup, BackupStatus, Encryption, Group, GroupSnapshot, GroupType, Held, Message,
    ProjectDefault, QosSpecs, ServiceState, Snapshot, SnapshotStatus, Transfer, Volume, VolumePool, VolumeStatus,
    VolumeType,
};
pub use ops::attachments::hold::VolumeLimits;
pub use pools::PoolReport;
pub use service::{VolumeDeps, VolumeService};

use flow::{EngineBuilder, Reconciler};
use std::sync::Arc;
use store::Schema;

/// The kinds of object this service keeps.
#[must_use]
pub fn schema(schema: Schema) -> Schema {
    let schema = schema.with::<Volume>().with::<Snapshot>().with::<Attachment>().with::<VolumePool>();
    let schema = schema.with::<VolumeType>().with::<ProjectDefault>().with::<QosSpecs>().with::<GroupType>();
    let schema = schema.with::<Backup>().with::<Group>().with::<GroupSnapshot>();
    schema.with::<Transfer>().with::<Message>().with::<ServiceState>().with::<Held>()
}

/// The verbs of this service.
#[must_use]
pub fn flows(engine: EngineBuilder, service: &VolumeService) -> EngineBuilder {
    flows::register(engine, service)
}

/// What holds states.
#[must_use]
pub fn reconcilers(service: &VolumeService) -> Vec<Arc<dyn Reconciler>> {
    vec![
        Arc::new(flows::measure_pools::MeasurePools(service.clone())),
        Arc::new(flows::reconcile_limits::PoolLimits(service.clone())),
    ]
}
