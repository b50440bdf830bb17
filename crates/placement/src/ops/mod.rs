//! What the REST API does: authorize, look at one snapshot, answer with data.

pub(crate) mod allocations;
pub(crate) mod candidates;
pub(crate) mod names;
pub(crate) mod providers;
mod query;
pub(crate) mod usages;
