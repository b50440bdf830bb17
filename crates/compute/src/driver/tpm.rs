//! A guest's TPM: an emulator beside the hypervisor, with state of its own.
//!
//! The state is one of the server's local disks ([`super::LocalDisks`]), a directory, and is kept, carried to other hosts and removed as
//! those are. It is encrypted with a passphrase that is written down nowhere: what was read again has none. Where a guest goes while it
//! runs, the state goes with its memory, under the same passphrase.

use ports::KeyBytes;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tpm {
    pub version: TpmVersion,
    pub model: TpmModel,
    /// The directory of its state on this host; empty until the host has made it.
    #[serde(default)]
    pub state: PathBuf,
    /// Needed where the guest gets a process.
    #[serde(skip)]
    pub key: Option<KeyBytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TpmVersion {
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "2.0")]
    V2_0,
}

/// The interface that the guest finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TpmModel {
    Tis,
    /// Of version 2.0 only.
    Crb,
}

impl Tpm {
    /// One whose state and passphrase are not known yet.
    pub fn new(version: TpmVersion, model: TpmModel) -> Self {
        Self { version, model, state: PathBuf::new(), key: None }
    }

    /// The local disk with this name holds the state of a TPM: `tpm`, or what took its place (`tpmv2`).
    pub fn is_state(disk: &str) -> bool {
        disk == Self::STATE || disk.starts_with("tpmv")
    }

    /// The disk of a server's first TPM.
    pub const STATE: &str = "tpm";
}
