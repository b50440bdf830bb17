//! Policies that Keystone keeps for other services, and which of them is for which endpoint.
//!
//! ```text
//!   of an endpoint:  its own  ─else─▶  of its service in its region, or a region above  ─else─▶  of its service
//! ```

use super::{
    Endpoint, Extra, Field, Fields, Region,
    catalog::{BY_PARENT, EndpointId, OF_SERVICE, ServiceId},
    extra,
};
use kernel::{RegionId, id_type};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use store::{Index, IndexSink, Key, Object, Snapshot};

id_type! {
    PolicyId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub id: PolicyId,
    pub kind: String,
    pub blob: String,
    #[serde(default)]
    pub extra: Extra,
}

impl Object for Policy {
    const KIND: &'static str = "identity.policy";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

impl Fields for Policy {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "type" => Field::text(&self.kind),
            other => return extra(&self.extra, other),
        })
    }
}

/// What a policy can be for. Each has at most one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyFor {
    Endpoint(EndpointId),
    Service(ServiceId),
    ServiceIn { service: ServiceId, region: RegionId },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyAssociation {
    pub of: PolicyFor,
    pub policy: PolicyId,
}

pub const BY_POLICY: Index<PolicyAssociation> = Index::new(0);
/// Those that name a service or a region: `s:…` and `r:…`.
pub const BY_PLACE: Index<PolicyAssociation> = Index::new(1);

impl PolicyFor {
    pub fn key(&self) -> String {
        match self {
            Self::Endpoint(id) => format!("endpoint/{id}"),
            Self::Service(id) => format!("service/{id}"),
            Self::ServiceIn { service, region } => format!("service/{service}/{region}"),
        }
    }
}

impl Object for PolicyAssociation {
    const KIND: &'static str = "identity.policy_association";
    const INDEXES: &'static [&'static str] = &["policy", "place"];
    fn key(&self) -> Key {
        self.of.key().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(BY_POLICY, &self.policy);
        match &self.of {
            PolicyFor::Endpoint(_) => {}
            PolicyFor::Service(service) => sink.add(BY_PLACE, format!("s:{service}")),
            PolicyFor::ServiceIn { service, region } => {
                sink.add(BY_PLACE, format!("s:{service}"));
                sink.add(BY_PLACE, format!("r:{region}"));
            }
        }
    }
}

fn of(view: &Snapshot, of: &PolicyFor) -> Option<Arc<Policy>> {
    view.get::<Policy>(&view.get::<PolicyAssociation>(&of.key())?.policy)
}

/// The policy that an endpoint is to use.
pub fn for_endpoint(view: &Snapshot, endpoint: &Endpoint) -> Option<Arc<Policy>> {
    let service = &endpoint.service;
    let own = of(view, &PolicyFor::Endpoint(endpoint.id.clone()));
    let (mut region, mut seen) = (endpoint.region.clone(), BTreeSet::new());
    let regional = std::iter::from_fn(|| {
        let id = region.take().filter(|id| seen.insert(id.clone()))?;
        region = view.get::<Region>(&id).and_then(|r| r.parent.clone());
        Some(id)
    });
    let mut regional = regional.map(|region| of(view, &PolicyFor::ServiceIn { service: service.clone(), region }));
    own.or_else(|| regional.find_map(|found| found)).or_else(|| of(view, &PolicyFor::Service(service.clone())))
}

/// The endpoints that a policy is for, as its associations say, in order of ids.
pub fn endpoints_of(view: &Snapshot, policy: &str) -> Vec<Arc<Endpoint>> {
    let mut all: Vec<Arc<Endpoint>> = Vec::new();
    for association in view.by(BY_POLICY, policy) {
        match &association.of {
            PolicyFor::Endpoint(id) => all.extend(view.get::<Endpoint>(id)),
            PolicyFor::Service(service) => all.extend(view.by(OF_SERVICE, service)),
            PolicyFor::ServiceIn { service, region } => {
                let regions = below(view, region);
                let there = |e: &Arc<Endpoint>| e.region.as_ref().is_some_and(|r| regions.contains(r));
                all.extend(view.by(OF_SERVICE, service).filter(there));
            }
        }
    }
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.dedup_by(|a, b| a.id == b.id);
    all
}

fn below(view: &Snapshot, root: &RegionId) -> BTreeSet<RegionId> {
    let (mut all, mut open) = (BTreeSet::new(), vec![root.clone()]);
    while let Some(id) = open.pop() {
        if all.insert(id.clone()) {
            open.extend(view.by(BY_PARENT, &id).map(|r| r.id.clone()));
        }
    }
    all
}
