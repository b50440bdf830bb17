//! RBAC policies: an object of one project made usable by another, or by all (`*`).
//!
//! `shared` and the visibility of external networks are nothing but wildcard policies, as in Neutron; there is no second
//! place that says so.

use super::RbacPolicyId;
use kernel::{ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Index, IndexSink, Key, Object, Snapshot};

/// Everybody.
pub const ALL: &str = "*";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RbacPolicy {
    pub id: RbacPolicyId,
    pub project: ProjectId,
    pub object_type: ObjectType,
    pub object_id: String,
    pub action: Action,
    /// A project's id, or [`ALL`].
    pub target: String,
    pub created: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectType {
    Network,
    SecurityGroup,
    Subnetpool,
    AddressScope,
    AddressGroup,
    QosPolicy,
}

impl ObjectType {
    pub const EVERY: [Self; 6] =
        [Self::Network, Self::SecurityGroup, Self::Subnetpool, Self::AddressScope, Self::AddressGroup, Self::QosPolicy];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::SecurityGroup => "security_group",
            Self::Subnetpool => "subnetpool",
            Self::AddressScope => "address_scope",
            Self::AddressGroup => "address_group",
            Self::QosPolicy => "qos_policy",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::EVERY.into_iter().find(|t| t.as_str() == text)
    }

    pub fn allows(self, action: Action) -> bool {
        action == Action::Shared || self == Self::Network
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    #[serde(rename = "access_as_shared")]
    Shared,
    #[serde(rename = "access_as_external")]
    External,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "access_as_shared",
            Self::External => "access_as_external",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Shared, Self::External].into_iter().find(|a| a.as_str() == text)
    }
}

impl RbacPolicy {
    pub const BY_PROJECT: Index<RbacPolicy> = Index::new(0);
    pub const BY_OBJECT: Index<RbacPolicy> = Index::new(1);
    pub const BY_TARGET: Index<RbacPolicy> = Index::new(2);

    fn target_key(object_type: ObjectType, target: &str) -> String {
        format!("{}/{target}", object_type.as_str())
    }
}

impl Object for RbacPolicy {
    const KIND: &'static str = "network.rbac_policy";
    const INDEXES: &'static [&'static str] = &["project", "object", "target"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &*self.project);
        sink.add(Self::BY_OBJECT, &self.object_id);
        sink.add(Self::BY_TARGET, Self::target_key(self.object_type, &self.target));
    }
}

/// Whether a project may use the object in this way, by a policy for it or for all.
pub fn grants(snapshot: &Snapshot, object: &str, action: Action, project: Option<&str>) -> bool {
    let mut policies = snapshot.by(RbacPolicy::BY_OBJECT, object);
    policies.any(|p| p.action == action && (p.target == ALL || Some(p.target.as_str()) == project))
}

/// Whether a project may use the object in any way, by a policy for it or for all.
pub fn is_open(snapshot: &Snapshot, object: &str, project: &str) -> bool {
    snapshot.by(RbacPolicy::BY_OBJECT, object).any(|p| p.target == ALL || p.target == project)
}

/// The wildcard policy of an object, which its `shared` or `router:external` made.
pub fn wildcard(snapshot: &Snapshot, object: &str, action: Action) -> Option<RbacPolicyId> {
    let mut policies = snapshot.by(RbacPolicy::BY_OBJECT, object);
    policies.find(|p| p.action == action && p.target == ALL).map(|p| p.id.clone())
}

/// Objects of a type that policies open to a project.
pub fn opened(snapshot: &Snapshot, object_type: ObjectType, project: Option<&str>) -> Vec<String> {
    let mut objects = Vec::new();
    for target in [Some(ALL), project].into_iter().flatten() {
        let key = RbacPolicy::target_key(object_type, target);
        objects.extend(snapshot.by(RbacPolicy::BY_TARGET, &key).map(|p| p.object_id.clone()));
    }
    objects
}
