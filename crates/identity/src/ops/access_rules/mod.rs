//! Access rules: made with application credentials, shared by those of one user.

mod delete;
mod list;
mod show;

pub use delete::delete;
pub use list::{FILTERS, list};
pub use show::show;
