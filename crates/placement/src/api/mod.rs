//! The REST API at `/placement`.

mod aggregates;
mod allocations;
mod candidates;
mod classes;
mod inventories;
mod providers;
mod root;
mod traits;
mod usages;
pub mod versions;
mod views;

use axum::{http::HeaderValue, response::Response};
use http::{
    ApiResult, ApiRouter, BaseUrl, Deps, FaultStyle, IntoResponse, Micro, RouteInfo, Router, ServiceSpec, StatusCode,
    Versioning,
};
use kernel::{Ctx, Error, Microversion, Timestamp};

pub use crate::Placement;

pub(crate) const PREFIX: &str = "/placement";

pub fn spec() -> ServiceSpec {
    ServiceSpec {
        versioning: Versioning::Micro(Micro {
            service_types: &["placement"],
            legacy: None,
            min: versions::MIN,
            max: versions::MAX,
            default: versions::MIN,
        }),
        ..ServiceSpec::new("placement", PREFIX, FaultStyle::Placement)
    }
}

fn routes() -> ApiRouter<Placement> {
    ApiRouter::new()
        .merge(root::routes())
        .merge(providers::routes())
        .merge(inventories::routes())
        .merge(aggregates::routes())
        .merge(traits::routes())
        .merge(classes::routes())
        .merge(allocations::routes())
        .merge(usages::routes())
        .merge(candidates::routes())
}

pub fn route_list() -> Vec<RouteInfo> {
    routes().routes(&spec())
}

pub fn router(placement: Placement, deps: Deps) -> Router {
    routes().finish(spec(), placement, deps)
}

/// Before `1.minor` there is no such resource.
fn since(cx: &Ctx, minor: u16) -> Result<(), Error> {
    if cx.version.since(1, minor) { Ok(()) } else { Err(crate::PlacementError::NotInThisVersion.into()) }
}

/// From 1.15 on every answer says when it changed and that it must not be cached.
fn dated(cx: &Ctx, modified: Timestamp, response: Response) -> ApiResult {
    dated_at(cx.version, modified, response)
}

fn dated_at(version: Microversion, modified: Timestamp, mut response: Response) -> ApiResult {
    if version.since(1, 15) {
        let headers = response.headers_mut();
        headers.insert(http::header::CACHE_CONTROL, http::header::HeaderValue::from_static("no-cache"));
        if let Ok(value) = versions::http_date(modified).parse() {
            headers.insert(http::header::LAST_MODIFIED, value);
        }
    }
    Ok(response)
}

/// An answer without a body that says where its object is.
fn located(base: &BaseUrl, path: &str, status: StatusCode) -> ApiResult {
    with_location(base, path, status.into_response())
}

fn with_location(base: &BaseUrl, path: &str, mut response: Response) -> ApiResult {
    let value: Result<HeaderValue, _> = base.join(&format!("{PREFIX}{path}")).parse();
    let value = value.map_err(|e| Error::internal(format!("saying where {path} is")).with_source(e))?;
    response.headers_mut().insert(http::header::LOCATION, value);
    Ok(response)
}
