//! Subnet pools.

pub mod create;
pub mod delete;
pub mod prefixes;
pub mod update;

use crate::{error::NetError, model::SubnetPool};
use kernel::Result;
use store::Tx;

/// At most one default pool per family.
pub(crate) fn only_default(tx: &Tx, id: &str, version: u8) -> Result<()> {
    let mut pools = tx.view().all::<SubnetPool>();
    if pools.any(|p| p.is_default && p.ip_version() == version && *p.id != *id) {
        let text =
            "A default subnetpool for this IP family has already been set. Only one default may exist per IP family";
        return Err(NetError::input(text).into());
    }
    Ok(())
}
