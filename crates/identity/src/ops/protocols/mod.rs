//! Protocols of identity providers.

mod create;
mod delete;
mod list;
mod show;
mod update;

pub use create::{New, create};
pub use delete::delete;
pub use list::list;
pub use show::show;
pub use update::{Update, update};

use crate::{Refusal, model::Mapping};
use kernel::Result;
use store::Tx;

fn absent(provider: &str, protocol: &str) -> Refusal {
    Refusal::Absent(format!("Could not find federated protocol {protocol} for Identity Provider: {provider}."))
}

fn known_mapping(tx: &mut Tx, mapping: &str) -> Result<()> {
    match tx.get::<Mapping>(mapping) {
        Some(_) => Ok(()),
        None => Err(Refusal::Invalid(format!("Invalid mapping id: {mapping}")).into()),
    }
}
