//! Use cases: authorize, validate, transact. A folder per resource, a file per verb.

pub(crate) mod cache;
pub(crate) mod images;
pub(crate) mod members;
pub(crate) mod metadefs;
pub(crate) mod stores;
pub(crate) mod tasks;
pub(crate) mod usage;
