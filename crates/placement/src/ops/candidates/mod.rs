//! Allocation candidates: the query read into a [`crate::candidates::Request`], which decides.

mod list;
mod read;
mod schema;

pub(crate) use list::{Listed, list};
