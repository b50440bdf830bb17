//! Projects, and what domains share with them: a domain is a project without a domain.

mod create;
mod delete;
mod family;
mod list;
mod of_user;
mod show;
mod update;

pub(crate) use create::insert;
pub use create::{New, create};
pub use delete::delete;
pub(crate) use delete::delete_as;
pub use family::{Family, Kin, Relatives, family};
pub use list::{FILTERS, Tags, list};
pub use of_user::of_user;
pub use show::show;
pub(crate) use update::update_as;
pub use update::{Update, update};
