//! Address scopes, and how subnet pools join them.

pub mod create;
pub mod delete;
mod join;
pub mod update;

pub(crate) use join::{join, may_change_pool};
