//! Operator commands: they talk HTTP to a running cloud and to nothing else.

mod cloud;
mod demo;
mod explain;
mod host;
mod net;
mod operator;
mod policy;
mod server;
mod ssh;

pub use cloud::Cloud;
pub use demo::{Demo, DemoOptions, demo};
pub use explain::explain;
pub use host::{drain, hosts, restore};
pub use net::{net_export, net_traffic, net_why};
pub use operator::{audit, join_token, status};
pub use policy::{policy_check, policy_file};
pub use server::{limits, resize};
pub use ssh::{Login, hostname_over_ssh};
