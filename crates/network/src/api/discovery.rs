//! `/` and `/v2.0/`: what clients ask first, without a token.

use crate::Network;
use http::{
    ApiRouter, BaseUrl, Response, StatusCode,
    discovery::{ApiVersion, Micro, Status},
};
use serde_json::json;

const VERSION: ApiVersion = ApiVersion {
    id: "v2.0",
    status: Status::Current,
    path: "/network/v2.0/",
    updated: None,
    micro: Micro::Absent,
    media_type: None,
};

/// The core resources; everything else is an extension.
const RESOURCES: [(&str, &str); 4] =
    [("network", "networks"), ("subnet", "subnets"), ("subnetpool", "subnetpools"), ("port", "ports")];

pub fn routes() -> ApiRouter<Network> {
    ApiRouter::new().get("/", versions).get("/v2.0", resources)
}

async fn versions(base: BaseUrl) -> Response {
    http::discovery::list(StatusCode::OK, &base, &[VERSION])
}

async fn resources(base: BaseUrl) -> Response {
    let resource = |(name, collection): &(&str, &str)| {
        let href = base.join(&format!("{}/v2.0/{collection}", super::PREFIX));
        json!({"name": name, "collection": collection, "links": [http::link("self", href)]})
    };
    http::ok(&json!({"resources": RESOURCES.iter().map(resource).collect::<Vec<_>>()}))
}
