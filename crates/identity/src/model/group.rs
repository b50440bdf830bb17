//! Groups and who is in them.

use super::{Extra, Field, Fields, extra, pair::pair};
use kernel::{DomainId, GroupId, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Index, IndexSink, Key, Object, Snapshot};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub domain: DomainId,
    pub description: Option<String>,
    #[serde(default)]
    pub extra: Extra,
    #[serde(default)]
    pub deleting: bool,
}

pub const BY_DOMAIN: Index<Group> = Index::new(0);

impl Object for Group {
    const KIND: &'static str = "identity.group";
    const INDEXES: &'static [&'static str] = &["domain"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(BY_DOMAIN, &self.domain);
    }
}

impl Group {
    pub fn name_space(domain: &str) -> String {
        format!("identity.group/{domain}")
    }
}

impl Fields for Group {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => Field::text(&self.name),
            "domain_id" => Field::text(&self.domain),
            "description" => Field::maybe(self.description.as_deref()),
            other => return extra(&self.extra, other),
        })
    }
}

pub fn find(view: &Snapshot, id: &str) -> Option<Arc<Group>> {
    view.get::<Group>(id).filter(|g| !g.deleting)
}

pair! {
    /// One user in one group.
    Membership = "identity.membership",
    group: GroupId => OF_GROUP,
    user: UserId => OF_USER,
}

/// The groups of a user.
pub fn of_user<'a>(view: &'a Snapshot, user: &str) -> impl Iterator<Item = Arc<Group>> + 'a {
    view.by(OF_USER, user).filter_map(|m| find(view, &m.group))
}
