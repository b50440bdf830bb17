use super::{Placement, dated_at, versions};
use http::{
    ApiResult, ApiRouter, BaseUrl, RequestInfo, StatusCode,
    discovery::{ApiVersion, Micro, Status, list},
};
use kernel::SystemClock;

pub(super) fn routes() -> ApiRouter<Placement> {
    ApiRouter::new().get("/", root)
}

async fn root(info: RequestInfo, base: BaseUrl) -> ApiResult {
    let version = ApiVersion {
        id: "v1.0",
        status: Status::Current,
        path: "/placement/",
        updated: None,
        micro: Micro::MaxVersion { min: versions::MIN, max: versions::MAX },
        media_type: None,
    };
    // Asked without a token, so without a clock of the request's.
    let now = SystemClock::shared().now();
    dated_at(info.version, now, list(StatusCode::OK, &base, &[version]))
}
