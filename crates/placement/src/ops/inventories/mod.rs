//! Inventories of a provider. Each write demands (or at least notices) the generation the client saw, and no inventory goes
//! while something of it is allocated.

mod asked;
mod create;
mod delete;
mod replace;
mod schema;
mod update;

pub(crate) use asked::Asked;
pub(crate) use create::create;
pub(crate) use delete::{delete, delete_all};
pub(crate) use replace::{replace, replaced};
pub(crate) use schema::provider_inventories;
pub(crate) use update::update;
