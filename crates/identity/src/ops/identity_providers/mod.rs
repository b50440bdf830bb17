//! Identity providers of federation.

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

use crate::{
    Refusal,
    model::{IdentityProvider, Protocol, federation::OF_PROVIDER},
};
use kernel::Result;
use store::{Object, Tx};

const WHAT: &str = "Identity Provider";
/// As Keystone's table has them.
const LONGEST_ID: usize = 64;

/// Ids of federation's objects come from the client.
pub(crate) fn valid_id(id: &str) -> Result<(), Refusal> {
    match (1..=LONGEST_ID).contains(&id.chars().count()) {
        true => Ok(()),
        false => Err(Refusal::invalid(format!("Invalid input for field id: '{id}' is too long"))),
    }
}

fn claim(tx: &mut Tx, provider: &str, remote_ids: &[String]) -> Result<()> {
    for remote in remote_ids {
        let taken = |_| Refusal::conflict("remote_id", format!("Duplicate remote ID: {remote}"));
        tx.claim_unique(IdentityProvider::REMOTE_IDS, remote, provider).map_err(taken)?;
    }
    Ok(())
}

fn release(tx: &mut Tx, provider: &str, remote_ids: &[String]) {
    for remote in remote_ids {
        tx.release_unique(IdentityProvider::REMOTE_IDS, remote, provider);
    }
}

/// The provider with its protocols.
pub(crate) fn take(tx: &mut Tx, provider: &IdentityProvider) {
    for protocol in tx.by(OF_PROVIDER, &provider.id) {
        tx.delete::<Protocol>(&protocol.key());
    }
    release(tx, &provider.id, &provider.remote_ids);
    tx.delete::<IdentityProvider>(&provider.id);
}
