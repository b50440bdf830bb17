//! Servers, flavors, keys, hosts: plain data and the functions over it.

pub mod action;
pub mod aggregate;
pub mod console;
pub mod device;
pub mod flavor;
pub mod group;
pub mod hardware;
pub mod host;
pub mod hostname;
pub mod keypair;
pub mod mapping;
pub mod migration;
pub mod placing;
pub mod power;
pub mod publickey;
pub mod quota;
pub mod reshape;
pub mod sequence;
pub mod server;
pub mod shape;
pub mod state;
pub mod topology;
pub mod vm;

pub use aggregate::Aggregate;
pub use console::{ConsoleToken, ConsoleType};
pub use device::{Backing, BlockDevice, DeviceState, VolumeBacking, VolumeSource};
pub use flavor::Flavor;
pub use group::{GroupPolicy, ServerGroup};
pub use host::ComputeHost;
pub use keypair::{KeyType, Keypair};
pub use migration::Migration;
pub use quota::QUOTAS;
pub use server::{DiskConfig, Fault, Lock, Server, ServerKey, ServerNic};
pub use state::{PowerState, ServerState, Task};
