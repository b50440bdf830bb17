//! Where payloads are kept: there is one place, and projects may say that they prefer it. Transport keys are kept for those who
//! ask for them; nothing is wrapped with them here.

use kernel::{ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretStore {
    pub id: String,
    pub name: String,
    pub created_at: Timestamp,
}

impl Object for SecretStore {
    const KIND: &'static str = "keymanager.secret_store";
    fn key(&self) -> Key {
        self.name.as_str().into()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreferredStore {
    pub project: ProjectId,
    pub store: String,
}

impl Object for PreferredStore {
    const KIND: &'static str = "keymanager.preferred_store";
    fn key(&self) -> Key {
        self.project.as_str().into()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransportKey {
    pub id: String,
    pub plugin_name: String,
    /// The public half.
    pub transport_key: String,
    pub created_at: Timestamp,
}

impl Object for TransportKey {
    const KIND: &'static str = "keymanager.transport_key";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}
