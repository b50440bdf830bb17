//! Resource providers. Names are unique; a child is made by writing its parent too, so that of two members that delete a
//! parent and give it a child at once one decides again; and a provider is moved only to where none of its own is above it.

mod allocations;
mod create;
mod delete;
mod find;
mod list;
mod name;
mod parent;
mod schema;
mod show;
mod update;

pub(crate) use allocations::allocations;
pub(crate) use create::create;
pub(crate) use delete::{delete, forget};
pub(crate) use find::{CHANGED, at_generation, find, found};
pub(crate) use list::list;
pub(crate) use name::take as take_name;
pub(crate) use show::show;
pub(crate) use update::update;
