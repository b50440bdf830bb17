//! Use cases: authorize, validate, transact.

pub(crate) mod attachments;
pub(crate) mod snapshots;
pub(crate) mod types;
pub(crate) mod volumes;
