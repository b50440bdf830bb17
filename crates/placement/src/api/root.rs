use super::{Placement, versions};
use axum::{http::StatusCode, response::Response};
use http::{
    ApiRouter, BaseUrl,
    discovery::{ApiVersion, Micro, Status, list},
};

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new().get("/", root)
}

async fn root(base: BaseUrl) -> Response {
    let version = ApiVersion {
        id: "v1.0",
        status: Status::Current,
        path: "/placement/",
        updated: None,
        micro: Micro::MaxVersion { min: versions::MIN, max: versions::MAX },
        media_type: None,
    };
    list(StatusCode::OK, &base, &[version])
}
