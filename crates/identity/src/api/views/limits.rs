//! Registered limits and limits.

use super::Links;
use crate::{
    api::at::At,
    model::{Limit, RegisteredLimit},
};
use serde::Serialize;

#[derive(Serialize)]
pub(in crate::api) struct RegisteredLimitView<'a> {
    id: &'a str,
    service_id: &'a str,
    region_id: Option<&'a str>,
    resource_name: &'a str,
    default_limit: i64,
    description: Option<&'a str>,
    links: Links,
}

pub(in crate::api) fn registered_limit<'a>(at: &At, limit: &'a RegisteredLimit) -> RegisteredLimitView<'a> {
    RegisteredLimitView {
        id: &limit.id,
        service_id: &limit.resource.service,
        region_id: limit.resource.region.as_deref(),
        resource_name: &limit.resource.name,
        default_limit: limit.default,
        description: limit.description.as_deref(),
        links: Links::to(at, "registered_limits", &limit.id),
    }
}

#[derive(Serialize)]
pub(in crate::api) struct LimitView<'a> {
    id: &'a str,
    service_id: &'a str,
    region_id: Option<&'a str>,
    project_id: Option<&'a str>,
    domain_id: Option<&'a str>,
    resource_name: &'a str,
    resource_limit: i64,
    description: Option<&'a str>,
    links: Links,
}

pub(in crate::api) fn limit<'a>(at: &At, limit: &'a Limit) -> LimitView<'a> {
    LimitView {
        id: &limit.id,
        service_id: &limit.resource.service,
        region_id: limit.resource.region.as_deref(),
        project_id: limit.holder.project(),
        domain_id: limit.holder.domain(),
        resource_name: &limit.resource.name,
        resource_limit: limit.value,
        description: limit.description.as_deref(),
        links: Links::to(at, "limits", &limit.id),
    }
}
