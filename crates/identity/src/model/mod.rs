//! What identity keeps: plain data, its indexes, and pure questions over a [`store::Snapshot`]. No HTTP, no I/O.
//!
//! ```text
//!   Project (a domain is a project without a domain) ◄── parent ── Project
//!      ▲ domain                     ▲ target
//!   User ──Membership──▶ Group      Assignment ──▶ Role ──implies──▶ Role
//!      └────────── actor ──────────────┘
//!   Region ◄── Endpoint ──▶ Service        KeyRing        Revocation
//! ```
//!
//! Every object that others hang on carries `deleting`: set, it is as good as gone (nobody finds it, no token of it is
//! valid) while `ops::removal` takes away what hangs on it.

pub mod app_cred;
pub mod assignment;
pub mod catalog;
pub mod credential;
pub mod domain_config;
pub mod effective;
pub mod endpoint_filter;
pub mod federation;
pub mod group;
pub mod keyring;
pub mod limit;
pub mod oauth1;
mod pair;
pub mod policy_doc;
pub mod project;
pub mod receipt;
pub mod revocation;
pub mod role;
pub mod token;
pub mod trust;
pub mod user;

use serde_json::{Map, Value};
use std::borrow::Cow;
use store::Schema;

pub use app_cred::{AccessRule, ApplicationCredential};
pub use assignment::{Actor, Assignment, Target};
pub use catalog::{Endpoint, Interface, Region, Service};
pub use credential::Credential;
pub use domain_config::DomainConfig;
pub use endpoint_filter::{EndpointGroup, ProjectEndpoint, ProjectEndpointGroup};
pub use federation::{IdentityProvider, Mapping, Protocol, ServiceProvider};
pub use group::{Group, Membership};
pub use keyring::{KeyRing, Purpose};
pub use limit::{Limit, RegisteredLimit};
pub use oauth1::{AccessToken, Consumer, Nonce, RequestToken};
pub use policy_doc::{Policy, PolicyAssociation};
pub use project::Project;
pub use revocation::Revocation;
pub use role::Role;
pub use trust::Trust;
pub use user::User;

/// Attributes that Keystone keeps though it does not know them.
pub type Extra = Map<String, Value>;
/// Resource options such as `immutable`.
pub type Options = Map<String, Value>;

/// Adds every kind of this service.
pub fn schema(mut schema: Schema) -> Schema {
    schema.add::<Project>();
    schema.add::<User>();
    schema.add::<Group>();
    schema.add::<Membership>();
    schema.add::<Role>();
    schema.add::<Assignment>();
    schema.add::<Region>();
    schema.add::<Service>();
    schema.add::<Endpoint>();
    schema.add::<ApplicationCredential>();
    schema.add::<AccessRule>();
    schema.add::<Credential>();
    schema.add::<KeyRing>();
    schema.add::<Revocation>();
    schema.add::<EndpointGroup>();
    schema.add::<ProjectEndpoint>();
    schema.add::<ProjectEndpointGroup>();
    schema.add::<Policy>();
    schema.add::<PolicyAssociation>();
    schema.add::<DomainConfig>();
    schema.add::<IdentityProvider>();
    schema.add::<Protocol>();
    schema.add::<Mapping>();
    schema.add::<ServiceProvider>();
    schema.add::<Trust>();
    schema.add::<Consumer>();
    schema.add::<RequestToken>();
    schema.add::<AccessToken>();
    schema.add::<Nonce>();
    schema.add::<RegisteredLimit>();
    schema.add::<Limit>();
    schema
}

/// An attribute by its API name, for policy targets and list filters.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    Text(Cow<'a, str>),
    Flag(bool),
    Null,
}

impl<'a> Field<'a> {
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    pub fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::text)
    }

    /// As Python's `str()` gives it, which policy files compare with.
    pub fn python(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text,
            Self::Flag(true) => Cow::Borrowed("True"),
            Self::Flag(false) => Cow::Borrowed("False"),
            Self::Null => Cow::Borrowed("None"),
        }
    }

    fn json(value: &'a Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::text(text)),
            Value::Bool(flag) => Some(Self::Flag(*flag)),
            Value::Null => Some(Self::Null),
            Value::Number(n) => Some(Self::Text(Cow::Owned(n.to_string()))),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Objects that can be asked for an attribute by name.
pub trait Fields: Send + Sync {
    fn id(&self) -> &str;
    fn field(&self, name: &str) -> Option<Field<'_>>;
}

fn extra<'a>(extra: &'a Extra, name: &str) -> Option<Field<'a>> {
    extra.get(name).and_then(Field::json)
}

/// `options.immutable`: refuse updates and deletion.
pub fn immutable(options: &Options) -> bool {
    options.get("immutable") == Some(&Value::Bool(true))
}

/// Lays changes over options; null resets one.
pub fn merge_options(options: &mut Options, changes: &Options) {
    for (name, value) in changes {
        match value {
            Value::Null => drop(options.remove(name)),
            value => drop(options.insert(name.clone(), value.clone())),
        }
    }
}
