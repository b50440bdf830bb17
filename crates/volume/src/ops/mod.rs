//! Use cases: authorize, validate, transact.

pub(crate) mod attachments;
pub(crate) mod backups;
pub(crate) mod default_types;
pub(crate) mod encryption_keys;
pub(crate) mod group_types;
pub(crate) mod groups;
pub(crate) mod kinds;
pub(crate) mod listing;
pub(crate) mod manage;
pub(crate) mod messages;
pub(crate) mod qos;
pub(crate) mod services;
pub(crate) mod snapshots;
pub(crate) mod transfers;
pub(crate) mod types;
pub(crate) mod volumes;
