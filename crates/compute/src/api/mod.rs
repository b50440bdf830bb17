//! Nova's REST API at `/compute`: one file per resource.
//!
//! A handler extracts, calls one operation, and wraps the answer in the view of the request's microversion. Request bodies
//! and queries are judged by the schema of their version first ([`checked`], [`check_query`]).

mod actions;
mod addresses;
mod aggregates;
mod assisted;
mod attachments;
mod baremetal;
mod consoles;
mod diagnostics;
mod events;
mod extensions;
mod flavors;
mod gone;
mod groups;
mod hosts;
mod hypervisors;
mod interfaces;
mod keypairs;
mod legacy;
mod limits;
mod metadata;
mod migrations;
mod password;
mod proxies;
mod quotas;
mod root;
pub(crate) mod schema;
mod servers;
mod services;
mod shares;
mod tags;
mod usage;
mod usage_log;
pub mod versions;
mod volumes_boot;
mod zones;

use crate::Compute;
use http::{
    ApiRouter, BaseUrl, Deps, FaultStyle, JsonBody, Micro, Params, RouteInfo, Router, Schema, ServiceSpec,
    TrailingSlash, Versioning, X_COMPUTE_REQUEST_ID, X_OPENSTACK_NOVA_API_VERSION, pick,
};
use kernel::{Ctx, Error, Microversion, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) const PREFIX: &str = "/compute";

pub fn spec() -> ServiceSpec {
    ServiceSpec {
        versioning: Versioning::Micro(Micro {
            service_types: &["compute", "nova"],
            legacy: Some(X_OPENSTACK_NOVA_API_VERSION),
            min: versions::MIN,
            max: versions::MAX,
            default: versions::MIN,
        }),
        public: &["/", "/v2.1", "/v2"],
        request_id_header: Some(X_COMPUTE_REQUEST_ID),
        trailing_slash: TrailingSlash::EmptyName,
        ..ServiceSpec::new("compute", PREFIX, FaultStyle::Nova)
    }
}

fn routes() -> ApiRouter<Compute> {
    ApiRouter::new()
        .merge(root::routes())
        .merge(servers::routes())
        .merge(metadata::routes())
        .merge(tags::routes())
        .merge(addresses::routes())
        .merge(attachments::routes())
        .merge(interfaces::routes())
        .merge(actions::routes())
        .merge(consoles::routes())
        .merge(password::routes())
        .merge(events::routes())
        .merge(flavors::routes())
        .merge(keypairs::routes())
        .merge(zones::routes())
        .merge(services::routes())
        .merge(hypervisors::routes())
        .merge(aggregates::routes())
        .merge(groups::routes())
        .merge(limits::routes())
        .merge(quotas::routes())
        .merge(usage::routes())
        .merge(migrations::routes())
        .merge(extensions::routes())
        .merge(diagnostics::routes())
        .merge(hosts::routes())
        .merge(usage_log::routes())
        .merge(proxies::routes())
        .merge(shares::routes())
        .merge(assisted::routes())
        .merge(baremetal::routes())
        .merge(volumes_boot::routes())
        .merge(gone::routes())
}

/// Everything served, for `tstack routes` and the compatibility table.
pub fn route_list() -> Vec<RouteInfo> {
    routes().routes(&spec())
}

pub fn router(compute: Compute, deps: Deps) -> Router {
    legacy::around(routes().finish(spec(), compute, deps))
}

/// Judges a body by the schema of the request's version, then reads it.
pub(crate) fn checked<T: DeserializeOwned>(
    cx: &Ctx,
    body: JsonBody,
    by_version: &[(Microversion, &Schema)],
) -> Result<T> {
    let schema = pick(by_version, cx.version).ok_or_else(not_in_this_version)?;
    body.read(schema)
}

pub(crate) fn check_query(cx: &Ctx, params: &Params, by_version: &[(Microversion, &Schema)]) -> Result<()> {
    match pick(by_version, cx.version) {
        Some(schema) => schema.check_query(params),
        None => Ok(()),
    }
}

pub(crate) fn not_in_this_version() -> Error {
    Error::not_found("API version is not supported on this method.")
}

/// Before `2.minor` there is no such resource, or no such method.
pub(crate) fn since(cx: &Ctx, minor: u16) -> Result<()> {
    served(cx, cx.version.since(2, minor))
}

/// After `2.minor` there is none any more.
pub(crate) fn until(cx: &Ctx, minor: u16) -> Result<()> {
    served(cx, cx.version.until(2, minor))
}

pub(crate) fn served(cx: &Ctx, is: bool) -> Result<()> {
    let text = || format!("API version {} is not supported on this method.", cx.version);
    if is { Ok(()) } else { Err(Error::not_found(text())) }
}

pub(crate) fn path_of(collection: &str) -> String {
    format!("{PREFIX}/v2.1/{collection}")
}

pub(crate) fn self_href(base: &BaseUrl, collection: &str, id: &str) -> String {
    base.join(&format!("{PREFIX}/v2.1/{collection}/{id}"))
}

pub(crate) fn bookmark_href(base: &BaseUrl, collection: &str, id: &str) -> String {
    base.join(&format!("{PREFIX}/{collection}/{id}"))
}

/// `self` and `bookmark`, as every object of Nova has them.
pub(crate) fn links(base: &BaseUrl, collection: &str, id: &str) -> Value {
    json!([
        {"rel": "self", "href": self_href(base, collection, id)},
        {"rel": "bookmark", "href": bookmark_href(base, collection, id)},
    ])
}

/// Adds the link to the next page to a list's body.
pub(crate) fn with_next(
    body: &mut Value,
    key: &str,
    base: &BaseUrl,
    path: &str,
    params: &Params,
    marker: Option<&str>,
) {
    if let Some(marker) = marker {
        body[key] = json!([{"rel": "next", "href": http::next_link(base, path, params, marker)}]);
    }
}
