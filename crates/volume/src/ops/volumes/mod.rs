//! Volumes, each verb in a file of its own.

pub(crate) mod actions;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod migrate;
pub(crate) mod rework;
pub(crate) mod update;

use crate::{error, flows::move_in_use};
use kernel::{Result, VolumeId};
use store::Tx;

/// Nothing else is done to a volume that goes to another pool under its guest.
pub(crate) fn still(tx: &Tx, id: &VolumeId) -> Result<()> {
    match move_in_use::copies_on(tx.view(), id) {
        Some(_) => Err(error::invalid_volume(format!("Volume {id} must not be migrating."))),
        None => Ok(()),
    }
}
