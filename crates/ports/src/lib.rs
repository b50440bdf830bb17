//! How services meet. No service depends on another; what one needs of another is a trait here, implemented by the owner and
//! wired in `node`.
//!
//! Two sorts of methods, told apart by their arguments:
//! - those that take `&mut Tx` or `&Snapshot` join the caller's transaction or view: synchronous, pure, no I/O;
//! - those that are `async` reach outside (a host, a back end): idempotent, called from flow steps, and an error whose effect
//!   is not known has kind `Unavailable` or `Internal`, which a step turns into `Retry`.
//!
//! A transaction's closure may run more than once, so implementations must not count or remember calls.

pub mod cells;
pub mod compute;
pub mod hosts;
pub mod image;
pub mod io_limits;
pub mod keys;
pub mod limits;
pub mod neighbours;
pub mod network;
pub mod placement;
pub mod projects;
pub mod quota;
pub mod testkit;
pub mod volume;

pub use cells::{CellFit, Emulator, EmulatorFit, GuestCell, GuestTopology, HostCell, Pages, Threads};
pub use compute::{RunningGuest, ServerInfo, Servers, VolumeGrown, VolumeMoved};
pub use hosts::{HostCalls, HostStatus, Load};
pub use image::{ImageInfo, Images, NewImage};
pub use io_limits::IoLimits;
pub use keys::{KeyBytes, Keys, NewKey, Sealer};
pub use limits::Limits;
pub use neighbours::Neighbours;
pub use network::{Address, AddressKind, BoundPort, NicRequest, PortBinder, PortPlan};
pub use placement::{Claim, Domain, Inventory, Labels, Misfit, PlaceRequest, Placer, Refusals, Roster};
pub use projects::{ProjectInfo, Projects};
pub use quota::{QuotaDefault, Quotas};
pub use volume::{
    AttachRequest, ClientCache, ConnectedVolume, NewVolume, VolumeEncryption, VolumeInfo, VolumeTarget, Volumes,
    disk_id,
};
