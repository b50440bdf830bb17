//! Floating IPs.

pub(crate) mod associate;
pub mod create;
pub mod delete;
pub mod update;
