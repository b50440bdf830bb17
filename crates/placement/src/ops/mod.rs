//! What the REST API does: authorize, look or write in one transaction, answer with data.

pub(crate) mod aggregates;
pub(crate) mod allocations;
pub(crate) mod candidates;
pub(crate) mod inventories;
pub(crate) mod names;
pub(crate) mod providers;
mod query;
pub(crate) mod reshaper;
pub(crate) mod traits;
pub(crate) mod usages;

pub(crate) use query::{MemberOf, Traits};
