//! What tests stand on.

pub mod ceph;
pub mod guest;
pub mod nbd;
pub mod pattern;
