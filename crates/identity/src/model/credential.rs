//! Credentials for other systems (EC2 keys, certificates, TOTP seeds), their content encrypted.

use super::{Extra, Field, Fields, extra};
use kernel::{ProjectId, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// Hex; for EC2 the SHA-256 of the access key.
    pub id: String,
    pub user: UserId,
    pub project: Option<ProjectId>,
    pub kind: String,
    /// Sealed by the ring `Purpose::Credentials`.
    pub sealed: String,
    #[serde(default)]
    pub extra: Extra,
}

pub const OF_USER: Index<Credential> = Index::new(0);
pub const OF_PROJECT: Index<Credential> = Index::new(1);

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Object for Credential {
    const KIND: &'static str = "identity.credential";
    const INDEXES: &'static [&'static str] = &["user", "project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(OF_USER, &self.user);
        if let Some(project) = &self.project {
            sink.add(OF_PROJECT, project);
        }
    }
}

impl Fields for Credential {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "user_id" => Field::text(&self.user),
            "project_id" => Field::maybe(self.project.as_deref()),
            "type" => Field::text(&self.kind),
            other => return extra(&self.extra, other),
        })
    }
}
