//! What each resource's attributes are: who may set them, what a value must look like, what a list may be filtered and sorted by.
//!
//! Neutron describes its resources by such tables, and clients rely on what follows from them: defaults, the words of a
//! refusal, which filters exist. An attribute's policy rule is asked when it is set to something else than its default.

use super::kind::Kind;
use serde_json::Value;

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub struct Attr {
    pub name: &'static str,
    pub kind: Kind,
    pub default: Default,
    pub create: bool,
    pub update: bool,
    /// Shown in answers.
    pub visible: bool,
    pub filter: bool,
    pub sort: bool,
}

/// What an attribute has that a request does not name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// It must be named.
    Required,
    /// Nothing: the operation decides.
    Unset,
    Null,
    Bool(bool),
    Text(&'static str),
    EmptyList,
}

impl Default {
    pub fn value(self) -> Option<Value> {
        match self {
            Self::Required | Self::Unset => None,
            Self::Null => Some(Value::Null),
            Self::Bool(b) => Some(Value::Bool(b)),
            Self::Text(text) => Some(Value::from(text)),
            Self::EmptyList => Some(Value::Array(Vec::new())),
        }
    }
}

impl Attr {
    /// Shown, and nothing else.
    pub const fn shown(name: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Text(255),
            default: Default::Unset,
            create: false,
            update: false,
            visible: true,
            filter: false,
            sort: false,
        }
    }

    /// May be given when created.
    pub const fn new(name: &'static str, kind: Kind, default: Default) -> Self {
        Self { kind, default, create: true, ..Self::shown(name) }
    }

    /// May be changed, too.
    pub const fn mutable(self) -> Self {
        Self { update: true, ..self }
    }

    /// May be changed only.
    pub const fn later(name: &'static str, kind: Kind) -> Self {
        Self { kind, update: true, ..Self::shown(name) }
    }

    /// Taken from requests but never shown.
    pub const fn hidden(self) -> Self {
        Self { visible: false, ..self }
    }

    pub const fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Lists may be filtered by it.
    pub const fn filtered(self) -> Self {
        Self { filter: true, ..self }
    }

    /// Lists may be filtered and sorted by it.
    pub const fn sorted(self) -> Self {
        Self { filter: true, sort: true, ..self }
    }
}

/// A resource of the API.
#[derive(Debug)]
pub struct Spec {
    /// The key of one in a body.
    pub resource: &'static str,
    /// The key of many.
    pub collection: &'static str,
    /// `/v2.0/…`, below the service's prefix.
    pub path: &'static str,
    pub attrs: &'static [&'static [Attr]],
}

impl Spec {
    pub fn attrs(&self) -> impl Iterator<Item = &'static Attr> {
        self.attrs.iter().copied().flatten()
    }

    /// `tenant_id` is `project_id`'s older name.
    pub fn attr(&self, name: &str) -> Option<&'static Attr> {
        let name = if name == "tenant_id" { "project_id" } else { name };
        self.attrs().find(|a| a.name == name)
    }
}

pub const ID: Attr = Attr::shown("id").sorted();
pub const NAME: Attr = Attr::new("name", Kind::Name(255), Default::Text("")).mutable().sorted();
pub const PROJECT: Attr = Attr::new("project_id", Kind::Text(255), Default::Unset).sorted();
pub const ADMIN_STATE: Attr = Attr::new("admin_state_up", Kind::Bool, Default::Bool(true)).mutable().sorted();

/// What all resources have beside their own.
pub const STANDARD: &[Attr] = &[
    PROJECT,
    Attr::new("description", Kind::TextOrNull(255), Default::Text("")).mutable().filtered(),
    Attr::shown("created_at"),
    Attr::shown("updated_at"),
    Attr::shown("revision_number").of(Kind::Int).filtered(),
    Attr::shown("changed_since").hidden().filtered(),
];

/// What those have that can be tagged.
pub const TAGS: &[Attr] = &[
    Attr::shown("tags").filtered(),
    Attr::shown("tags-any").hidden().filtered(),
    Attr::shown("not-tags").hidden().filtered(),
    Attr::shown("not-tags-any").hidden().filtered(),
];
