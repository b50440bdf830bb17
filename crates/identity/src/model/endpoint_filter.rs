//! What a project may see of the catalog: endpoints, and groups of endpoints, that were given to it. A project to which
//! nothing was given sees all.

use super::{Endpoint, Field, Fields, catalog::EndpointId, pair::pair};
use kernel::{ProjectId, id_type};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use store::{Key, Object, Snapshot};

id_type! {
    EndpointGroupId,
}

/// The endpoints that have certain attributes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointGroup {
    pub id: EndpointGroupId,
    pub name: String,
    pub description: Option<String>,
    /// Attributes of an endpoint, all of which must fit.
    pub filters: Map<String, Value>,
}

impl Object for EndpointGroup {
    const KIND: &'static str = "identity.endpoint_group";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

impl Fields for EndpointGroup {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "name" => Field::text(&self.name),
            "description" => Field::maybe(self.description.as_deref()),
            _ => return None,
        })
    }
}

impl EndpointGroup {
    pub fn holds(&self, endpoint: &Endpoint) -> bool {
        self.filters.iter().all(|(name, wanted)| endpoint.field(name) == Field::json(wanted))
    }

    /// Its endpoints, in order of ids.
    pub fn endpoints(&self, view: &Snapshot) -> Vec<Arc<Endpoint>> {
        view.all::<Endpoint>().filter(|endpoint| self.holds(endpoint)).collect()
    }
}

pair! {
    /// An endpoint given to a project.
    ProjectEndpoint = "identity.project_endpoint",
    project: ProjectId => ENDPOINTS_OF,
    endpoint: EndpointId => PROJECTS_WITH,
}

pair! {
    /// A group of endpoints given to a project.
    ProjectEndpointGroup = "identity.project_endpoint_group",
    project: ProjectId => GROUPS_OF,
    group: EndpointGroupId => PROJECTS_WITH_GROUP,
}

/// The groups given to a project.
pub fn groups_of(view: &Snapshot, project: &str) -> Vec<Arc<EndpointGroup>> {
    view.by(GROUPS_OF, project).filter_map(|given| view.get::<EndpointGroup>(&given.group)).collect()
}

/// What was given to a project, directly and by groups, in order of ids. `None`: nothing was, so it sees all.
pub fn given_to(view: &Snapshot, project: &str) -> Option<Vec<Arc<Endpoint>>> {
    let groups = groups_of(view, project);
    if groups.is_empty() && view.count_by(ENDPOINTS_OF, project) == 0 {
        return None;
    }
    let mut all: Vec<_> = view.by(ENDPOINTS_OF, project).filter_map(|e| view.get::<Endpoint>(&e.endpoint)).collect();
    all.extend(groups.iter().flat_map(|group| group.endpoints(view)));
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.dedup_by(|a, b| a.id == b.id);
    Some(all)
}
