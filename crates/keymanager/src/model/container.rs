//! Secrets that belong together, by name: a certificate with its key.

use super::Access;
use kernel::{ProjectId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerKind {
    Generic,
    Rsa,
    Certificate,
}

impl ContainerKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Rsa => "rsa",
            Self::Certificate => "certificate",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub name: Option<String>,
    pub secret: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerConsumer {
    /// Barbican's id of it, which no list tells.
    pub id: String,
    pub name: String,
    pub url: String,
    pub project: ProjectId,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Container {
    pub id: String,
    pub project: ProjectId,
    pub creator: UserId,
    pub name: Option<String>,
    pub kind: ContainerKind,
    pub members: Vec<Member>,
    pub access: Option<Access>,
    pub consumers: Vec<ContainerConsumer>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Container {
    pub const BY_PROJECT: Index<Container> = Index::new(0);
}

impl Object for Container {
    const KIND: &'static str = "keymanager.container";
    const INDEXES: &'static [&'static str] = &["project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
    }
}
