//! Version documents. `v2.0` is listed first, as clients expect of every Nova; it is served as 2.1 without microversions.

use super::versions::{MAX, MIN};
use crate::Compute;
use axum::response::Response;
use http::{
    ApiResult, ApiRouter, BaseUrl, Path,
    discovery::{ApiVersion, Micro, Status},
    ok,
};
use kernel::{Error, Timestamp};
use serde_json::json;

pub(super) fn routes() -> ApiRouter<Compute> {
    ApiRouter::new().get("/", root).get("/v2.1", v2_1).get("/v2", v2).get("/v2.1/versions/{version_id}", by_id)
}

/// Nova's dates.
fn v2_0_version() -> ApiVersion {
    ApiVersion {
        id: "v2.0",
        status: Status::Supported,
        path: "/compute/v2/",
        updated: Timestamp::parse("2011-01-21T11:33:21Z"),
        micro: Micro::Absent,
        media_type: None,
    }
}

fn v2_1_version() -> ApiVersion {
    ApiVersion {
        id: "v2.1",
        status: Status::Current,
        path: "/compute/v2.1/",
        updated: Timestamp::parse("2013-07-23T11:33:21Z"),
        micro: Micro::Version { min: MIN, max: MAX },
        media_type: None,
    }
}

/// The list shows what to choose by; what a version speaks it says itself. Nova without microversions says so with
/// empty strings.
async fn root(base: BaseUrl) -> Response {
    let listed = |version: &ApiVersion| {
        let mut view = version.view(&base);
        if version.id == "v2.0" {
            (view["version"], view["min_version"]) = ("".into(), "".into());
        }
        view
    };
    ok(&json!({"versions": [listed(&v2_0_version()), listed(&v2_1_version())]}))
}

async fn v2_1(base: BaseUrl) -> Response {
    alone(&base, v2_1_version(), "application/vnd.openstack.compute+json;version=2.1")
}

async fn v2(base: BaseUrl) -> Response {
    alone(&base, v2_0_version(), "application/vnd.openstack.compute+json;version=2")
}

/// The same by their ids.
async fn by_id(Path(id): Path<String>, base: BaseUrl) -> ApiResult {
    match id.as_str() {
        "v2.0" => Ok(v2(base).await),
        "v2.1" => Ok(v2_1(base).await),
        _ => Err(Error::not_found("The resource could not be found.").into()),
    }
}

fn alone(base: &BaseUrl, version: ApiVersion, media_type: &'static str) -> Response {
    let mut view = ApiVersion { media_type: Some(media_type), ..version }.view(base);
    if view.get("version").is_none() {
        (view["version"], view["min_version"]) = ("".into(), "".into());
    }
    ok(&json!({"version": view}))
}
