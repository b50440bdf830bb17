use super::state::named;
use kernel::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{Key, Object};

named! {
    /// `type`
    KeyType {
        Ssh = "ssh",
        X509 = "x509",
    }
}

/// A user's public key; the private one is never kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keypair {
    pub user: UserId,
    pub name: String,
    /// What Nova's versions before 2.53 show as `id`.
    pub number: u64,
    pub kind: KeyType,
    pub public: String,
    pub fingerprint: String,
    pub created: Timestamp,
}

impl Keypair {
    /// A user's id never holds a slash, so the two parts cannot be taken for each other.
    pub fn id(user: &str, name: &str) -> String {
        format!("{user}/{name}")
    }
}

impl Object for Keypair {
    const KIND: &'static str = "compute.keypair";
    fn key(&self) -> Key {
        Self::id(&self.user, &self.name).into()
    }
}
