//! Version documents, readable without a token. What a client is told depends on whether it knows microversions.

use super::{MAX, MIN};
use crate::KeyManager;
use http::{ApiRouter, BaseUrl, RequestInfo, Response, StatusCode};
use serde_json::{Value, json};

pub(super) fn routes() -> ApiRouter<KeyManager> {
    ApiRouter::new().get("/", choices).get("/v1", v1)
}

fn version(base: &BaseUrl, info: &RequestInfo) -> Value {
    let links = json!([
        {"rel": "self", "href": base.join("/key-manager/v1/")},
        {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
    ]);
    if info.version.since(1, 1) {
        let (min, max) = (MIN.to_string(), MAX.to_string());
        return json!({"id": "v1", "status": "CURRENT", "min_version": min, "max_version": max, "links": links});
    }
    let media = "application/vnd.openstack.key-manager-v1+json";
    let media = json!([{"base": "application/json", "type": media}]);
    json!({"id": "v1", "status": "stable", "links": links, "media-types": media})
}

async fn choices(base: BaseUrl, info: RequestInfo) -> Response {
    let one = version(&base, &info);
    let body =
        if info.version.since(1, 1) { json!({"versions": [one]}) } else { json!({"versions": {"values": [one]}}) };
    http::json_response(StatusCode::MULTIPLE_CHOICES, &body)
}

async fn v1(base: BaseUrl, info: RequestInfo) -> Response {
    http::ok(&json!({"version": version(&base, &info)}))
}
