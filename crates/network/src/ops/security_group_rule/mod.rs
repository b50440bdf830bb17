//! Rules of security groups. They are made and removed, never changed.

pub mod create;
pub mod delete;
