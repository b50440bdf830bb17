//! What can be done: a folder per resource, a file per verb. Every function has the same three parts:
//!
//! 1. **authorize** against policy, on a snapshot ([`access`]);
//! 2. **validate** what can be judged without the others' state;
//! 3. **transact**: read again what it rests on, claim (quota, addresses, names), write.
//!
//! What joins somebody else's transaction (compute's, through [`crate::binder`]) is the third part alone, written as functions
//! of `&mut Tx` beside the verb that uses them.

pub mod access;
pub mod address_group;
pub mod address_scope;
pub mod agent;
pub mod auto_topology;
pub mod common;
pub mod conntrack_helper;
pub mod default_rule;
pub mod flavor;
pub mod floatingip;
pub mod log;
pub mod metering_label;
pub mod metering_rule;
pub mod ndp_proxy;
pub mod network;
pub mod port;
pub mod port_binding;
pub mod port_forwarding;
pub mod qos;
pub mod quota;
pub mod rbac;
pub mod router;
pub mod security_group;
pub mod security_group_rule;
pub mod segment;
pub mod segment_range;
pub mod service_profile;
pub mod statefulness;
pub mod subnet;
pub mod subnetpool;
pub mod tags;
pub mod trunk;
pub mod usage;
