//! Roles, global or of one domain, and which others each implies.

use super::{Extra, Field, Fields, Options, extra};
use kernel::{DomainId, RoleId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use store::{Index, IndexSink, Key, Object, Snapshot, Unique};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub id: RoleId,
    pub name: String,
    /// Set for a domain's own role: it only ever stands for the global roles it implies.
    pub domain: Option<DomainId>,
    pub description: Option<String>,
    #[serde(default)]
    pub options: Options,
    #[serde(default)]
    pub extra: Extra,
    #[serde(default)]
    pub implies: BTreeSet<RoleId>,
    #[serde(default)]
    pub deleting: bool,
}

/// Value: the domain, empty for global roles.
pub const BY_DOMAIN: Index<Role> = Index::new(0);
/// The roles that imply a role.
pub const PRIOR_TO: Index<Role> = Index::new(1);

impl Object for Role {
    const KIND: &'static str = "identity.role";
    const INDEXES: &'static [&'static str] = &["domain", "implies"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(BY_DOMAIN, self.domain.as_deref().unwrap_or_default());
        for implied in &self.implies {
            sink.add(PRIOR_TO, implied);
        }
    }
}

impl Role {
    pub fn name_space(domain: Option<&DomainId>) -> String {
        format!("identity.role/{}", domain.map_or("", |d| d.as_str()))
    }
}

impl Fields for Role {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => Field::text(&self.name),
            "domain_id" => Field::maybe(self.domain.as_deref()),
            "description" => Field::maybe(self.description.as_deref()),
            other => return extra(&self.extra, other),
        })
    }
}

pub fn find(view: &Snapshot, id: &str) -> Option<Arc<Role>> {
    view.get::<Role>(id).filter(|r| !r.deleting)
}

/// A global role by its name.
pub fn named(view: &Snapshot, name: &str) -> Option<Arc<Role>> {
    let claim = view.get::<Unique>(&Unique::id(&Role::name_space(None), name))?;
    find(view, &claim.owner)
}

/// The roles and all they imply, directly or not.
pub fn with_implied(view: &Snapshot, roles: impl IntoIterator<Item = RoleId>) -> BTreeSet<RoleId> {
    let mut all: BTreeSet<RoleId> = BTreeSet::new();
    let mut open: Vec<RoleId> = roles.into_iter().collect();
    while let Some(id) = open.pop() {
        let Some(role) = find(view, &id) else { continue };
        if all.insert(id) {
            open.extend(role.implies.iter().filter(|implied| !all.contains(*implied)).cloned());
        }
    }
    all
}
