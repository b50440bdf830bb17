//! The REST API at `/placement`, read-only for now: what is claimed, compute claims.

mod allocations;
mod candidates;
mod names;
mod providers;
mod root;
mod usages;
pub mod versions;
mod views;

use axum::response::Response;
use http::{ApiResult, ApiRouter, Deps, FaultStyle, Micro, RouteInfo, Router, ServiceSpec, Versioning};
use kernel::{Ctx, Error, Timestamp};
use store::Store;

/// What handlers need.
#[derive(Clone)]
pub struct Placement {
    pub store: Store,
}

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
        .merge(allocations::routes())
        .merge(usages::routes())
        .merge(names::routes())
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
fn dated(cx: &Ctx, modified: Timestamp, mut response: Response) -> ApiResult {
    if cx.version.since(1, 15) {
        let headers = response.headers_mut();
        headers.insert(http::header::CACHE_CONTROL, http::header::HeaderValue::from_static("no-cache"));
        if let Ok(value) = versions::http_date(modified).parse() {
            headers.insert(http::header::LAST_MODIFIED, value);
        }
    }
    Ok(response)
}
