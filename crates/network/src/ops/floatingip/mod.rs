//! Floating IPs.

mod associate;
pub mod create;
pub mod delete;
pub mod update;
