//! `/identity/` and `/identity/v3`, which need no token.

use crate::Identity;
use http::{
    ApiRouter, BaseUrl, HeaderValue, Response, StatusCode,
    discovery::{ApiVersion, Micro, Status, list_keystone, one},
    header::LOCATION,
};
use kernel::Timestamp;

pub(super) fn routes() -> ApiRouter<Identity> {
    ApiRouter::new().get("/", versions).get("/v3", version)
}

fn v3() -> ApiVersion {
    ApiVersion {
        id: "v3.14",
        status: Status::Stable,
        path: "/identity/v3/",
        updated: Some(Timestamp::from_secs(1_586_217_600)), // 2020-04-07, when 3.14 came
        micro: Micro::Absent,
        media_type: Some("application/vnd.openstack.identity-v3+json"),
    }
}

async fn versions(base: BaseUrl) -> Response {
    let mut response = list_keystone(StatusCode::MULTIPLE_CHOICES, &base, &[v3()]);
    if let Ok(location) = HeaderValue::from_str(&base.join(v3().path)) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

async fn version(base: BaseUrl) -> Response {
    one(&base, &v3())
}
