//! What is stored. Plain data.

mod attachment;
mod pool;
mod snapshot;
mod volume;
mod volume_type;

pub use attachment::{Attachment, AttachmentStatus};
pub use pool::VolumePool;
pub use snapshot::{Snapshot, SnapshotStatus};
pub use volume::{Volume, VolumeStatus};
pub use volume_type::VolumeType;
pub(crate) use volume_type::{DEFAULT_TYPE, resolve_type};
