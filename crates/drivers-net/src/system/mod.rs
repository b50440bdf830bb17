//! The processes that carry a host's network, and those that hold a region's: started, adopted, supervised, taken down.
//!
//! All of it lives in directories and under names of our own, so it stands beside an Open vSwitch that the operator runs
//! for himself. One machine may hold several hosts, each a network namespace with a directory (`lab`).

pub(crate) mod address;
mod central;
mod config;
mod daemon;
mod database;
mod datapath;
mod doctor;
mod external;
mod ovs;
mod supervise;
mod underlay;

pub use central::OvnCentral;
pub use config::{CentralConfig, Datapath, External, HostNetConfig};
pub use datapath::{Kind, make_room};
pub use doctor::{doctor, versions};
pub use ovs::OvsHost;
