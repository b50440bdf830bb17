//! Consumers: applications that may ask users for access.

mod create;
mod delete;
mod list;
mod show;
mod update;

pub use create::{New, create};
pub use delete::delete;
pub use list::{FILTERS, list};
pub use show::show;
pub use update::{Update, update};

use crate::Refusal;

/// As Keystone words it, without the id.
pub(crate) fn absent() -> Refusal {
    Refusal::Absent("Consumer not found".into())
}
