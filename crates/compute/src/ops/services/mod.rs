//! Nova's services. Of these there is one on each host, `nova-compute`: its agent.

mod delete;
mod list;
mod update;

pub(crate) use delete::delete;
pub(crate) use list::{Service, list};
pub(crate) use update::{Change, Which, update};

/// The one binary there is.
pub(crate) const BINARY: &str = "nova-compute";
