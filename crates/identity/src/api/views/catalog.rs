//! What belongs to the catalog: endpoint groups and policies.

use super::{Extra, Links};
use crate::{
    api::at::At,
    model::{EndpointGroup, Policy},
};
use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
pub(in crate::api) struct EndpointGroupView<'a> {
    id: &'a str,
    name: &'a str,
    description: Option<&'a str>,
    filters: &'a Map<String, Value>,
    links: Links,
}

pub(in crate::api) fn endpoint_group<'a>(at: &At, group: &'a EndpointGroup) -> EndpointGroupView<'a> {
    EndpointGroupView {
        id: &group.id,
        name: &group.name,
        description: group.description.as_deref(),
        filters: &group.filters,
        links: Links::to(at, "OS-EP-FILTER/endpoint_groups", &group.id),
    }
}

#[derive(Serialize)]
pub(in crate::api) struct PolicyView<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    blob: &'a str,
    links: Links,
    #[serde(flatten)]
    extra: &'a Extra,
}

pub(in crate::api) fn policy<'a>(at: &At, policy: &'a Policy) -> PolicyView<'a> {
    PolicyView {
        id: &policy.id,
        kind: &policy.kind,
        blob: &policy.blob,
        links: Links::to(at, "policies", &policy.id),
        extra: &policy.extra,
    }
}
