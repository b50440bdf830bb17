//! Subnets.

pub mod create;
pub mod delete;
mod onto_ports;
pub mod update;
mod validate;
