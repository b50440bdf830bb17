//! What is stored. Plain data.

mod attachment;
mod backup;
mod group;
mod group_type;
mod held;
mod message;
mod pool;
mod service_state;
mod snapshot;
mod transfer;
mod volume;
mod volume_type;

pub use attachment::{Attachment, AttachmentStatus, Holder};
pub use backup::{Backup, BackupStatus, VolumeTraits};
pub use group::{Group, GroupSnapshot};
pub(crate) use group_type::DEFAULT_GROUP_TYPE;
pub use group_type::GroupType;
pub use held::Held;
pub use message::{Message, MessageEvent, MessageResource};
pub use pool::VolumePool;
pub use service_state::ServiceState;
pub use snapshot::{Snapshot, SnapshotStatus};
pub use transfer::Transfer;
pub use volume::{Volume, VolumeStatus};
pub(crate) use volume_type::{DEFAULT_TYPE, OPEN_SPECS, default_type, resolve_type};
pub use volume_type::{Encryption, ProjectDefault, QosSpecs, VolumeType};
