//! What can be done, one folder or file per resource: authorize → validate → transact.

pub(crate) mod access;
pub(crate) mod containers;
pub(crate) mod orders;
pub(crate) mod paging;
pub(crate) mod quotas;
pub(crate) mod secrets;
pub(crate) mod stores;
pub(crate) mod transport_keys;
