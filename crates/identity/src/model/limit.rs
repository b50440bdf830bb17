//! How much of a resource projects may use, kept for services that ask.
//!
//! ```text
//!   RegisteredLimit (service, region?, resource): the default ◄── Limit (project or domain): another value
//! ```
//!
//! A limit repeats what it is for, so that reading one needs no second look; a registered limit that has limits does not change
//! and does not go.

use super::{Field, Fields, catalog::ServiceId};
use kernel::{DomainId, ProjectId, RegionId, id_type};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{Index, IndexSink, Key, Object, Snapshot};

id_type! {
    RegisteredLimitId,
    LimitId,
}

/// What is limited. Registered at most once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    pub service: ServiceId,
    pub region: Option<RegionId>,
    pub name: String,
}

impl Resource {
    /// As a unique name.
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.service, self.region.as_deref().unwrap_or_default(), self.name)
    }

    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "service_id" => Field::text(&self.service),
            "region_id" => Field::maybe(self.region.as_deref()),
            "resource_name" => Field::text(&self.name),
            _ => return None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisteredLimit {
    pub id: RegisteredLimitId,
    pub resource: Resource,
    /// -1: unlimited.
    pub default: i64,
    pub description: Option<String>,
}

/// By service.
pub const ON: Index<RegisteredLimit> = Index::new(0);

impl RegisteredLimit {
    pub const NAMES: &'static str = "identity.registered_limit";
}

impl Object for RegisteredLimit {
    const KIND: &'static str = "identity.registered_limit";
    const INDEXES: &'static [&'static str] = &["on"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(ON, &self.resource.service);
    }
}

impl Fields for RegisteredLimit {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        match name {
            "id" => Some(Field::text(&self.id)),
            other => self.resource.field(other),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    Project(ProjectId),
    Domain(DomainId),
}

impl Holder {
    pub fn key(&self) -> String {
        match self {
            Self::Project(id) => format!("p:{id}"),
            Self::Domain(id) => format!("d:{id}"),
        }
    }
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::Project(id) => Some(id),
            Self::Domain(_) => None,
        }
    }
    pub fn domain(&self) -> Option<&str> {
        match self {
            Self::Domain(id) => Some(id),
            Self::Project(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    pub id: LimitId,
    pub registered: RegisteredLimitId,
    pub resource: Resource,
    pub holder: Holder,
    /// -1: unlimited.
    pub value: i64,
    pub description: Option<String>,
}

pub const OF_REGISTERED: Index<Limit> = Index::new(0);
/// By [`Holder::key`].
pub const OF_HOLDER: Index<Limit> = Index::new(1);

impl Limit {
    /// A holder has one limit of a resource.
    pub const NAMES: &'static str = "identity.limit";

    pub fn unique(&self) -> String {
        format!("{}/{}", self.registered, self.holder.key())
    }
}

impl Object for Limit {
    const KIND: &'static str = "identity.limit";
    const INDEXES: &'static [&'static str] = &["registered", "holder"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(OF_REGISTERED, &self.registered);
        sink.add(OF_HOLDER, self.holder.key());
    }
}

impl Fields for Limit {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        match name {
            "id" => Some(Field::text(&self.id)),
            "project_id" => Some(Field::maybe(self.holder.project())),
            "domain_id" => Some(Field::maybe(self.holder.domain())),
            other => self.resource.field(other),
        }
    }
}

/// How values compare: nothing is more than unlimited.
pub fn amount(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// What a holder was given of a resource.
pub fn of(view: &Snapshot, holder: &Holder, resource: &Resource) -> Option<Arc<Limit>> {
    view.by(OF_HOLDER, &holder.key()).find(|limit| limit.resource == *resource)
}
