//! Projects and domains. A domain is a project that belongs to no domain, as in Keystone: `GET /v3/projects/{domain}` and
//! roles on a domain taken as a project work because of it.

use super::{Extra, Field, Fields, Options, extra};
use kernel::{DomainId, ProjectId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use store::{Index, IndexSink, Key, Object, Snapshot, Unique};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    /// `None`: acts as a domain.
    pub domain: Option<DomainId>,
    /// The project above it; for a top-level project its domain, for a domain nothing.
    pub parent: Option<ProjectId>,
    pub enabled: bool,
    pub description: Option<String>,
    #[serde(default)]
    pub tags: BTreeSet<String>,
    #[serde(default)]
    pub options: Options,
    #[serde(default)]
    pub extra: Extra,
    #[serde(default)]
    pub deleting: bool,
}

/// Value: the domain, empty for domains themselves.
pub const BY_DOMAIN: Index<Project> = Index::new(0);
pub const BY_PARENT: Index<Project> = Index::new(1);

impl Object for Project {
    const KIND: &'static str = "identity.project";
    const INDEXES: &'static [&'static str] = &["domain", "parent"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(BY_DOMAIN, self.domain.as_deref().unwrap_or_default());
        if let Some(parent) = &self.parent {
            sink.add(BY_PARENT, parent);
        }
    }
}

impl Project {
    pub fn is_domain(&self) -> bool {
        self.domain.is_none()
    }

    /// The domain it belongs to; a domain belongs to itself.
    pub fn owner(&self) -> DomainId {
        self.domain.clone().unwrap_or_else(|| DomainId::from(self.id.as_str()))
    }

    pub fn domain_id(&self) -> DomainId {
        DomainId::from(self.id.as_str())
    }

    /// Where its name must be unique.
    pub fn name_space(domain: Option<&DomainId>) -> String {
        match domain {
            Some(domain) => format!("identity.project/{domain}"),
            None => "identity.domain".to_owned(),
        }
    }
}

impl Fields for Project {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => Field::text(&self.name),
            "domain_id" => Field::maybe(self.domain.as_deref()),
            "parent_id" => Field::maybe(self.parent.as_deref()),
            "enabled" => Field::Flag(self.enabled),
            "is_domain" => Field::Flag(self.is_domain()),
            "description" => Field::maybe(self.description.as_deref()),
            other => return extra(&self.extra, other),
        })
    }
}

/// A project or a domain.
pub fn find(view: &Snapshot, id: &str) -> Option<Arc<Project>> {
    view.get::<Project>(id).filter(|p| !p.deleting)
}

pub fn find_domain(view: &Snapshot, id: &str) -> Option<Arc<Project>> {
    find(view, id).filter(|p| p.is_domain())
}

/// By name in a domain; without one, a domain by its name.
pub fn named(view: &Snapshot, domain: Option<&DomainId>, name: &str) -> Option<Arc<Project>> {
    let claim = view.get::<Unique>(&Unique::id(&Project::name_space(domain), name))?;
    find(view, &claim.owner)
}

/// What is above a project, nearest first; the last is its domain.
pub fn parents(view: &Snapshot, project: &Project) -> Vec<Arc<Project>> {
    let mut above: Vec<Arc<Project>> = Vec::new();
    let mut next = project.parent.clone();
    while let Some(parent) = next.and_then(|id| view.get::<Project>(&id)) {
        next = parent.parent.clone();
        above.push(parent);
    }
    above
}

/// What is below a project, level by level.
pub fn subtree(view: &Snapshot, id: &str) -> Vec<Arc<Project>> {
    let mut below: Vec<Arc<Project>> = children(view, id).collect();
    let mut at = 0;
    while let Some(project) = below.get(at).cloned() {
        below.extend(children(view, &project.id));
        at += 1;
    }
    below
}

pub fn children<'a>(view: &'a Snapshot, id: &str) -> impl Iterator<Item = Arc<Project>> + 'a {
    view.by(BY_PARENT, id).filter(|p| !p.deleting)
}
