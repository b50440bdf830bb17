//! Verbs that take more than one transaction, and the states that must hold.
//!
//! | flow | steps | who else it needs |
//! |---|---|---|
//! | [`create::CreateServer`] | place, network, storage, run | placement, ports, volumes, the host |
//! | [`delete::DeleteServer`] | quiesce, remove | the host, then everything the server had |
//! | [`power::ChangePower`] | settle | the host |
//! | [`rebuild_volume::RebuildVolume`] | off, begin, written, connect, settle | the host, volumes |
//! | [`attach_volume::AttachVolume`], [`detach_volume::DetachVolume`] | connect, plug · unplug | volumes, the host |
//! | [`attach_interface::AttachInterface`], [`detach_interface::DetachInterface`] | plug · unplug | ports, the host |
//! | [`live::LiveMigrate`] | place, prepare, transfer, arrive | placement, ports, volumes, both hosts |
//! | [`moving::resize::MoveServer`] | place, stop, copy, switch, run | placement, two hosts, ports, volumes |
//! | [`moving::reshape::ReshapeServer`] | claim, shape | placement, the host; after [`live::LiveMigrate`] where that is full |
//! | [`moving::confirm::ConfirmResize`], [`moving::revert::RevertResize`] | drop · leave, run | the same |
//! | [`shelve::ShelveServer`], [`shelve::OffloadServer`] | stop, copy · offload | the host, images, volumes |
//! | [`create_image::CreateImage`], [`create_image::DiscardImage`] | copy · discard | the host, images |
//! | [`thaw::ThawServer`] | thaw | volumes, the host |
//!
//! Common to all: the request's transaction writes the server's task, the host's intent where that is known already, and the
//! flow; the last step's writes the result. A flow never waits for a host without a way out: when the host is gone, what
//! can be given up is given up ([`guest`]), and the rest is tried again.
//!
//! **Deleting** takes precedence over everything. Its request marks the server and cancels every flow of it in one
//! transaction; no other operation begins a flow for a marked server; so [`delete::DeleteServer`] has the server for itself
//! as soon as those flows are gone. They in turn leave the mark alone ([`guest::conclude`]).

pub mod attach_interface;
pub mod attach_volume;
pub mod create;
pub mod create_image;
pub mod delete;
pub mod detach_interface;
pub mod detach_volume;
pub(crate) mod guest;
pub mod live;
pub mod moving;
pub mod power;
pub mod rebuild_volume;
pub mod reconcile;
pub mod reconcile_addresses;
pub mod reconcile_drain;
pub mod reconcile_limits;
pub mod reconcile_moves;
pub mod shelve;
pub mod thaw;
pub(crate) mod vtpm;
