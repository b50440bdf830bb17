//! The catalog in a token, and what else a token could be for: `/v3/auth/catalog`, `/projects`, `/domains`, `/system`.

mod build;
pub(crate) mod gone;
mod reach;

pub use build::{Entry, Place, build, show};
pub use reach::{domains, projects, system};
