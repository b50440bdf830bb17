//! Version documents, readable without a token.

use super::{MAX, MIN};
use crate::VolumeService;
use http::{ApiRouter, BaseUrl, Response, StatusCode};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<VolumeService> {
    ApiRouter::new().get("/", choices).get("/v3", v3)
}

fn version(base: &BaseUrl) -> Value {
    json!({
        "id": "v3.0",
        "status": "CURRENT",
        "version": MAX.to_string(),
        "min_version": MIN.to_string(),
        "updated": "2024-07-01T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": base.join("/volume/v3/")},
        ],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}],
    })
}

async fn choices(base: BaseUrl) -> Response {
    http::json_response(StatusCode::MULTIPLE_CHOICES, &json!({"versions": [version(&base)]}))
}

async fn v3(base: BaseUrl) -> Response {
    http::ok(&json!({"versions": [version(&base)]}))
}
