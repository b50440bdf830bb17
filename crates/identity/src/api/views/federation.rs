//! Identity providers, protocols, mappings, service providers.

use super::Links;
use crate::{
    api::at::At,
    model::{IdentityProvider, Mapping, Protocol, ServiceProvider},
};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
pub(in crate::api) struct IdentityProviderView<'a> {
    id: &'a str,
    enabled: bool,
    description: Option<&'a str>,
    domain_id: &'a str,
    remote_ids: &'a [String],
    authorization_ttl: Option<u64>,
    links: Value,
}

pub(in crate::api) fn identity_provider<'a>(at: &At, provider: &'a IdentityProvider) -> IdentityProviderView<'a> {
    let own = at.url(&format!("/OS-FEDERATION/identity_providers/{}", provider.id));
    IdentityProviderView {
        id: &provider.id,
        enabled: provider.enabled,
        description: provider.description.as_deref(),
        domain_id: &provider.domain,
        remote_ids: &provider.remote_ids,
        authorization_ttl: provider.authorization_ttl,
        links: json!({"self": own, "protocols": format!("{own}/protocols")}),
    }
}

#[derive(Serialize)]
pub(in crate::api) struct ProtocolView<'a> {
    id: &'a str,
    mapping_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    idp_id: Option<&'a str>,
    /// Lists always say it, null too; single ones never do.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_id_attribute: Option<Option<&'a str>>,
    links: Value,
}

pub(in crate::api) fn protocol<'a>(at: &At, protocol: &'a Protocol) -> ProtocolView<'a> {
    let provider = at.url(&format!("/OS-FEDERATION/identity_providers/{}", protocol.provider));
    ProtocolView {
        id: &protocol.id,
        mapping_id: &protocol.mapping,
        idp_id: None,
        remote_id_attribute: None,
        links: json!({"self": format!("{provider}/protocols/{}", protocol.id), "identity_provider": provider}),
    }
}

pub(in crate::api) fn listed_protocol<'a>(at: &At, of: &'a Protocol) -> ProtocolView<'a> {
    let remote_id_attribute = Some(of.remote_id_attribute.as_deref());
    ProtocolView { idp_id: Some(&of.provider), remote_id_attribute, ..protocol(at, of) }
}

#[derive(Serialize)]
pub(in crate::api) struct MappingView<'a> {
    id: &'a str,
    rules: &'a Value,
    schema_version: &'a str,
    links: Links,
}

pub(in crate::api) fn mapping<'a>(at: &At, mapping: &'a Mapping) -> MappingView<'a> {
    MappingView {
        id: &mapping.id,
        rules: &mapping.rules,
        schema_version: &mapping.schema_version,
        links: Links::to(at, "OS-FEDERATION/mappings", &mapping.id),
    }
}

#[derive(Serialize)]
pub(in crate::api) struct ServiceProviderView<'a> {
    id: &'a str,
    auth_url: &'a str,
    sp_url: &'a str,
    description: Option<&'a str>,
    enabled: bool,
    relay_state_prefix: Option<&'a str>,
    links: Links,
}

pub(in crate::api) fn service_provider<'a>(at: &At, provider: &'a ServiceProvider) -> ServiceProviderView<'a> {
    ServiceProviderView {
        id: &provider.id,
        auth_url: &provider.auth_url,
        sp_url: &provider.sp_url,
        description: provider.description.as_deref(),
        enabled: provider.enabled,
        relay_state_prefix: provider.relay_state_prefix.as_deref(),
        links: Links::to(at, "OS-FEDERATION/service_providers", &provider.id),
    }
}
