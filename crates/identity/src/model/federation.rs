//! What is known of other identity services, so that their users could come here and ours go there: identity providers with
//! their protocols, the mappings from what they say to users here, and service providers. Kept; nobody logs in by them yet.
//!
//! ```text
//!   Domain ◀── IdentityProvider ◀── Protocol ──▶ Mapping        ServiceProvider
//! ```

use super::{Field, Fields};
use kernel::{DomainId, id_type};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Index, IndexSink, Key, Object};

id_type! {
    IdentityProviderId,
    MappingId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentityProvider {
    pub id: IdentityProviderId,
    /// Where its users would be.
    pub domain: DomainId,
    pub enabled: bool,
    pub description: Option<String>,
    /// How it names itself; each name belongs to one provider.
    pub remote_ids: Vec<String>,
    /// Minutes that memberships given by mappings last.
    pub authorization_ttl: Option<u64>,
}

pub const OF_DOMAIN: Index<IdentityProvider> = Index::new(0);

impl IdentityProvider {
    pub const REMOTE_IDS: &'static str = "identity.identity_provider.remote_id";
}

impl Object for IdentityProvider {
    const KIND: &'static str = "identity.identity_provider";
    const INDEXES: &'static [&'static str] = &["domain"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(OF_DOMAIN, &self.domain);
    }
}

impl Fields for IdentityProvider {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "enabled" => Field::Flag(self.enabled),
            "domain_id" => Field::text(&self.domain),
            _ => return None,
        })
    }
}

/// How a provider's users would log in, and what is made of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// Unique for its provider.
    pub id: String,
    pub provider: IdentityProviderId,
    pub mapping: MappingId,
    pub remote_id_attribute: Option<String>,
}

pub const OF_PROVIDER: Index<Protocol> = Index::new(0);

impl Protocol {
    pub fn key_of(provider: &str, id: &str) -> String {
        format!("{provider}/{id}")
    }
}

impl Object for Protocol {
    const KIND: &'static str = "identity.federation_protocol";
    const INDEXES: &'static [&'static str] = &["provider"];
    fn key(&self) -> Key {
        Self::key_of(&self.provider, &self.id).into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(OF_PROVIDER, &self.provider);
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    pub id: MappingId,
    /// In the language of `schema_version`, checked when it was written.
    pub rules: Value,
    pub schema_version: String,
}

impl Object for Mapping {
    const KIND: &'static str = "identity.mapping";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

impl Fields for Mapping {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        (name == "id").then(|| Field::text(&self.id))
    }
}

/// A cloud that our users may go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceProvider {
    pub id: String,
    pub auth_url: String,
    pub sp_url: String,
    pub description: Option<String>,
    pub enabled: bool,
    pub relay_state_prefix: Option<String>,
}

impl Object for ServiceProvider {
    const KIND: &'static str = "identity.service_provider";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

impl Fields for ServiceProvider {
    fn id(&self) -> &str {
        &self.id
    }
    fn field(&self, name: &str) -> Option<Field<'_>> {
        Some(match name {
            "id" => Field::text(&self.id),
            "enabled" => Field::Flag(self.enabled),
            _ => return None,
        })
    }
}
