//! Application credentials: a secret that stands for its owner on one project, with some of the owner's roles.

use super::{Field, Fields};
use kernel::{ProjectId, RoleId, Timestamp, UserId, id_type};
use serde::{Deserialize, Serialize};
use std::fmt;
use store::{Index, IndexSink, Key, Object};

id_type! {
    ApplicationCredentialId,
    AccessRuleId,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplicationCredential {
    pub id: ApplicationCredentialId,
    pub name: String,
    pub user: UserId,
    pub project: ProjectId,
    pub secret_hash: String,
    pub description: Option<String>,
    pub roles: Vec<RoleId>,
    pub expires: Option<Timestamp>,
    pub unrestricted: bool,
    /// `None`: not limited to certain requests.
    #[serde(default)]
    pub access_rules: Option<Vec<AccessRuleId>>,
}

pub const OF_USER: Index<ApplicationCredential> = Index::new(0);
pub const OF_PROJECT: Index<ApplicationCredential> = Index::new(1);

impl fmt::Debug for ApplicationCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplicationCredential").field("id", &self.id).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Object for ApplicationCredential {
    const KIND: &'static str = "identity.application_credential";
    const INDEXES: &'static [&'static str] = &["user", "project"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(OF_USER, &self.user);
        sink.add(OF_PROJECT, &self.project);
    }
}

impl ApplicationCredential {
    pub fn name_space(user: &str) -> String {
        format!("identity.application_credential/{user}")
    }

    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|at| now >= at)
    }
}

impl Fields for ApplicationCredential {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => Field::text(&self.name),
            "user_id" => Field::text(&self.user),
            "project_id" => Field::text(&self.project),
            _ => return None,
        })
    }
}

/// A request that an application credential may make; shared by the credentials of one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessRule {
    pub id: AccessRuleId,
    pub user: UserId,
    pub service: String,
    pub path: String,
    pub method: String,
}

pub const RULES_OF_USER: Index<AccessRule> = Index::new(0);

impl Object for AccessRule {
    const KIND: &'static str = "identity.access_rule";
    const INDEXES: &'static [&'static str] = &["user"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(RULES_OF_USER, &self.user);
    }
}

impl Fields for AccessRule {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "service" => Field::text(&self.service),
            "path" => Field::text(&self.path),
            "method" => Field::text(&self.method),
            _ => return None,
        })
    }
}
