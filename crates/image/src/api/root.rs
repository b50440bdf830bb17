//! Version documents, readable without a token.

use crate::ImageService;
use http::{ApiRouter, BaseUrl, Response, StatusCode};
use serde_json::{Value, json};

/// Newest first: those of Glance with several stores and without a cache of its own (2.14, 2.16 and 2.18 announce the cache API).
pub(crate) const VERSIONS: &[(&str, &str)] = &[
    ("v2.17", "CURRENT"),
    ("v2.15", "SUPPORTED"),
    ("v2.13", "SUPPORTED"),
    ("v2.12", "SUPPORTED"),
    ("v2.11", "SUPPORTED"),
    ("v2.10", "SUPPORTED"),
    ("v2.9", "SUPPORTED"),
    ("v2.8", "SUPPORTED"),
    ("v2.7", "SUPPORTED"),
    ("v2.6", "SUPPORTED"),
    ("v2.5", "SUPPORTED"),
    ("v2.4", "SUPPORTED"),
    ("v2.3", "SUPPORTED"),
    ("v2.2", "SUPPORTED"),
    ("v2.1", "SUPPORTED"),
    ("v2.0", "SUPPORTED"),
];

pub(super) fn routes() -> ApiRouter<ImageService> {
    ApiRouter::new().get("/", choices).get("/versions", list).get("/v2", list)
}

fn versions(base: &BaseUrl) -> Value {
    let href = base.join("/image/v2/");
    let one =
        |(id, status): &(&str, &str)| json!({"id": id, "status": status, "links": [{"rel": "self", "href": href}]});
    json!({"versions": VERSIONS.iter().map(one).collect::<Vec<_>>()})
}

async fn choices(base: BaseUrl) -> Response {
    http::json_response(StatusCode::MULTIPLE_CHOICES, &versions(&base))
}

async fn list(base: BaseUrl) -> Response {
    http::ok(&versions(&base))
}
