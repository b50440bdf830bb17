//! A secret: what it is, whose, and its payload, sealed.

use super::{Access, Media};
use kernel::{ProjectId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretKind {
    Symmetric,
    Passphrase,
    Private,
    Public,
    Certificate,
    #[default]
    Opaque,
}

impl SecretKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Symmetric => "symmetric",
            Self::Passphrase => "passphrase",
            Self::Private => "private",
            Self::Public => "public",
            Self::Certificate => "certificate",
            Self::Opaque => "opaque",
        }
    }
}

/// A resource that needs a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretConsumer {
    pub service: String,
    pub resource_type: String,
    pub resource_id: String,
    pub project: ProjectId,
    pub created_at: Timestamp,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    pub id: String,
    pub project: ProjectId,
    pub creator: UserId,
    pub name: Option<String>,
    pub kind: SecretKind,
    pub algorithm: Option<String>,
    pub bit_length: Option<u32>,
    pub mode: Option<String>,
    pub expiration: Option<Timestamp>,
    /// What the payload is; none while there is no payload.
    pub media: Option<Media>,
    /// The payload, sealed by `ports::Sealer`.
    pub sealed: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub access: Option<Access>,
    pub consumers: Vec<SecretConsumer>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Secret {
    pub const BY_PROJECT: Index<Secret> = Index::new(0);

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expiration.is_some_and(|at| at <= now)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("id", &self.id).field("project", &self.project).finish_non_exhaustive()
    }
}

impl Object for Secret {
    const KIND: &'static str = "keymanager.secret";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
    }
}
