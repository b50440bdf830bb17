//! Who has which role on what.

use kernel::{DomainId, GroupId, ProjectId, RoleId, UserId};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    User(UserId),
    Group(GroupId),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Project(ProjectId),
    Domain(DomainId),
    System,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub role: RoleId,
    pub actor: Actor,
    pub target: Target,
    /// True: it holds not on the target but on every project below it.
    pub inherited: bool,
}

pub const BY_ACTOR: Index<Assignment> = Index::new(0);
pub const BY_TARGET: Index<Assignment> = Index::new(1);
pub const BY_ROLE: Index<Assignment> = Index::new(2);

impl Actor {
    pub fn key(&self) -> String {
        match self {
            Self::User(id) => format!("u:{id}"),
            Self::Group(id) => format!("g:{id}"),
        }
    }
    pub fn id(&self) -> &str {
        match self {
            Self::User(id) => id,
            Self::Group(id) => id,
        }
    }
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::Group(_) => None,
        }
    }
}

impl Target {
    pub fn key(&self) -> String {
        match self {
            Self::Project(id) => format!("p:{id}"),
            Self::Domain(id) => format!("d:{id}"),
            Self::System => "system".to_owned(),
        }
    }
    /// As error texts name it.
    pub fn id(&self) -> &str {
        match self {
            Self::Project(id) => id,
            Self::Domain(id) => id,
            Self::System => "system",
        }
    }
}

impl Assignment {
    pub fn id(&self) -> String {
        let inherited = if self.inherited { "/inherited" } else { "" };
        format!("{}/{}/{}{inherited}", self.actor.key(), self.target.key(), self.role)
    }
}

impl Object for Assignment {
    const KIND: &'static str = "identity.assignment";
    const INDEXES: &'static [&'static str] = &["actor", "target", "role"];
    fn key(&self) -> Key {
        self.id().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(BY_ACTOR, self.actor.key());
        sink.add(BY_TARGET, self.target.key());
        sink.add(BY_ROLE, &self.role);
    }
}
