//! Secrets between services: sealing (identity's key rings) and keys (the key manager's secrets).

use kernel::{ProjectId, Result, UserId};
use std::fmt;
use store::{Snapshot, Tx};
use zeroize::Zeroizing;

/// Seals what must not be read from the log. Its keys are rotated; what is sealed with an old one has to be sealed again.
#[async_trait::async_trait]
pub trait Sealer: Send + Sync + 'static {
    /// With the newest key.
    fn seal(&self, snapshot: &Snapshot, content: &[u8]) -> Result<String>;
    /// With whichever key fits; `None` if none does.
    fn open(&self, snapshot: &Snapshot, sealed: &str) -> Result<Option<KeyBytes>>;
    /// Whether it is sealed with the newest key.
    fn is_current(&self, snapshot: &Snapshot, sealed: &str) -> Result<bool>;
    /// Everything there is was sealed again: keys that are older than the newest may go.
    async fn forget_old_keys(&self) -> Result<()>;
}

/// Octets that are wiped when they are dropped, and that no log prints.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyBytes(Zeroizing<Vec<u8>>);

impl KeyBytes {
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyBytes(…)")
    }
}

/// A key to make.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Chosen before, so that asking twice makes one.
    pub id: String,
    pub project: ProjectId,
    pub creator: UserId,
    pub name: String,
    /// A passphrase has none.
    pub algorithm: Option<String>,
}

/// What a service needs that encrypts: keys of a project's, kept by the key manager.
pub trait Keys: Send + Sync + 'static {
    /// Makes a key of as many random bits. Making it again changes nothing.
    fn create(&self, tx: &mut Tx, key: &NewKey, bits: u32) -> Result<()>;
    /// Makes a passphrase of as many random octets, in Base64: for what takes no key but text. Making it again changes nothing.
    fn create_passphrase(&self, tx: &mut Tx, key: &NewKey, octets: u32) -> Result<()>;
    /// Makes a key with the octets of another; `NotFound` if that is gone.
    fn copy(&self, tx: &mut Tx, from: &str, key: &NewKey) -> Result<()>;
    /// Whose it is; `None` if it is gone. Who names a key by himself may use those of his project only.
    fn owner(&self, snapshot: &Snapshot, id: &str) -> Option<ProjectId>;
    /// Its octets; `None` if it is gone.
    fn open(&self, snapshot: &Snapshot, id: &str) -> Result<Option<KeyBytes>>;
    /// Removes it. `Ok` if it is gone.
    fn delete(&self, tx: &mut Tx, id: &str);
}
