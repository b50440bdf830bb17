//! Names that must be unique in their space, claimed in the transaction that gives them.

use crate::Refusal;
use kernel::Result;
use store::Tx;

/// `domain` only serves the wording.
pub(crate) fn claim(tx: &mut Tx, what: &'static str, space: &str, name: &str, domain: &str, owner: &str) -> Result<()> {
    let taken = |_| {
        let details = match domain {
            "" => format!("Duplicate entry found with name {name}"),
            domain => format!("Duplicate entry found with name {name} at domain ID {domain}"),
        };
        Refusal::conflict(what, details).into()
    };
    tx.claim_unique(space, name, owner).map_err(taken)
}

/// Gives the old name back and claims the new one.
pub(crate) fn rename(
    tx: &mut Tx,
    what: &'static str,
    space: &str,
    (old, new): (&str, &str),
    domain: &str,
    owner: &str,
) -> Result<()> {
    if old == new {
        return Ok(());
    }
    claim(tx, what, space, new, domain, owner)?;
    tx.release_unique(space, old, owner);
    Ok(())
}
