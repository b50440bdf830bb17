//! Policies: blobs that other services may fetch; nothing here reads them.

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
