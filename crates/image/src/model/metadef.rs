//! Metadata definitions: what properties mean that people put on images, flavors, servers. Nobody checks by them; dialogs
//! are made from them.
//!
//! A namespace is one record with all that is defined in it: a definition belongs to one namespace, is read with it, and goes
//! with it, so no transaction has to look for leftovers.

use kernel::{ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use store::{Key, Object};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NamespaceVisibility {
    Public,
    Private,
}

impl NamespaceVisibility {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Public, Self::Private].into_iter().find(|v| v.as_str() == text)
    }
}

/// When a definition was made and last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamps {
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Stamps {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { created_at: now, updated_at: now }
    }
}

/// What one property may be: JSON schema's words, checked when it was taken in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PropertyDefinition {
    pub schema: Map<String, Value>,
    pub stamps: Stamps,
}

/// Properties that go together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectDefinition {
    pub description: Option<String>,
    pub required: Vec<String>,
    /// Each an object in JSON schema's words.
    pub properties: Map<String, Value>,
    pub stamps: Stamps,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TagDefinition {
    pub stamps: Stamps,
}

/// The namespace describes this type of resource; there its properties carry the prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Association {
    pub prefix: Option<String>,
    pub properties_target: Option<String>,
    pub stamps: Stamps,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Namespace {
    /// Also its key: unique in the cloud.
    pub name: String,
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub visibility: NamespaceVisibility,
    pub protected: bool,
    pub owner: ProjectId,
    pub objects: BTreeMap<String, ObjectDefinition>,
    pub properties: BTreeMap<String, PropertyDefinition>,
    pub tags: BTreeMap<String, TagDefinition>,
    pub associations: BTreeMap<String, Association>,
    pub stamps: Stamps,
}

impl Object for Namespace {
    const KIND: &'static str = "image.metadef_namespace";
    fn key(&self) -> Key {
        self.name.as_str().into()
    }
}

/// A type of resource that namespaces may be associated with. It stays when its last association goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceType {
    pub name: String,
    pub stamps: Stamps,
}

impl Object for ResourceType {
    const KIND: &'static str = "image.metadef_resource_type";
    fn key(&self) -> Key {
        self.name.as_str().into()
    }
}
