//! What all resources have in common: owner, description, times, revision, tags.

use crate::error::NetError;
use kernel::{ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{Index, Object};

/// Neutron's standard attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standard {
    /// Empty for what belongs to the service itself: a router's port on an external network.
    pub project: ProjectId,
    pub description: String,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// Raised by every change that a client can see; `If-Match: revision_number=…` compares with it.
    pub revision: i64,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

impl Standard {
    pub fn new(project: &ProjectId, description: &str, now: Timestamp) -> Self {
        Self {
            project: project.clone(),
            description: description.to_owned(),
            created: now,
            updated: now,
            revision: 1,
            tags: BTreeSet::new(),
        }
    }

    pub fn touch(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated = now;
    }
}

/// An object of the API.
pub trait Resource: Object + Clone {
    /// `network`: the key of one in a body, and the quota's and tag's name for it.
    const NAME: &'static str;
    const BY_PROJECT: Index<Self>;

    fn id(&self) -> &str;
    fn standard(&self) -> &Standard;
    fn standard_mut(&mut self) -> &mut Standard;
    fn not_found(id: &str) -> NetError;

    fn project(&self) -> &ProjectId {
        &self.standard().project
    }
}

/// Implements [`Resource`] for a struct with `id` and `standard`, whose first index is by project.
macro_rules! resource {
    ($type:ty, $name:literal, $not_found:ident) => {
        impl $crate::model::Resource for $type {
            const NAME: &'static str = $name;
            const BY_PROJECT: ::store::Index<Self> = ::store::Index::new(0);
            fn id(&self) -> &str {
                &self.id
            }
            fn standard(&self) -> &$crate::model::Standard {
                &self.standard
            }
            fn standard_mut(&mut self) -> &mut $crate::model::Standard {
                &mut self.standard
            }
            fn not_found(id: &str) -> $crate::error::NetError {
                $crate::error::NetError::$not_found { id: id.to_owned() }
            }
        }
    };
}
pub(crate) use resource;

/// Implements `Object` for a [`Resource`] that is found by its project and by nothing else.
macro_rules! stored {
    ($type:ty, $kind:literal) => {
        impl ::store::Object for $type {
            const KIND: &'static str = $kind;
            const INDEXES: &'static [&'static str] = &["project"];
            fn key(&self) -> ::store::Key {
                self.id.as_str().into()
            }
            fn index(&self, sink: &mut ::store::IndexSink<'_>) {
                sink.add(<Self as $crate::model::Resource>::BY_PROJECT, &*self.standard.project);
            }
        }
    };
}
pub(crate) use stored;
