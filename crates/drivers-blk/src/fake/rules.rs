//! What can be told to go wrong: see [`kernel::faults`].

use kernel::{Error, VolumeId, faults};

/// A method of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Create,
    Delete,
    Extend,
    Rewrite,
    BackUp,
    DeleteBackup,
    CreateSnapshot,
    DeleteSnapshot,
    Export,
    Limit,
    Unexport,
    CopyOut,
    Adopt,
    Release,
    Stats,
    Inventory,
}

pub type Rule = faults::Rule<Call, VolumeId>;

pub(super) fn unknown() -> Error {
    faults::unknown("the pool")
}
