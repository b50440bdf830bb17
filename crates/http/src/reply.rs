//! Answers.

use crate::{ApiError, BaseUrl, Params};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use kernel::Error;
use serde::Serialize;
use serde_json::{Value, json};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `status` with `value` as JSON.
pub fn json_response<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => json_bytes(status, body.into()),
        Err(error) => ApiError(Error::internal("writing the answer as JSON").with_source(error)).into_response(),
    }
}

/// `status` with JSON that is written already.
pub fn json_bytes(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// 200 with JSON.
pub fn ok<T: Serialize + ?Sized>(value: &T) -> Response {
    json_response(StatusCode::OK, value)
}

/// 201 with JSON.
pub fn created<T: Serialize + ?Sized>(value: &T) -> Response {
    json_response(StatusCode::CREATED, value)
}

/// 200 without a body.
pub fn done() -> Response {
    StatusCode::OK.into_response()
}

/// 202 without a body.
pub fn accepted() -> Response {
    StatusCode::ACCEPTED.into_response()
}

/// 204
pub fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// `{"rel": "self", "href": …}`
pub fn link(rel: &str, href: impl Into<String>) -> Value {
    json!({"rel": rel, "href": href.into()})
}

/// The address of the page after the one that ends with `marker`: the same question with another marker. `path` is
/// the collection's, with the service's prefix.
pub fn next_link(base: &BaseUrl, path: &str, params: &Params, marker: &str) -> String {
    let kept = params.0.iter().filter(|(k, _)| k != "marker").map(|(k, v)| (k.as_str(), v.as_str()));
    let pairs: Vec<_> = kept.chain([("marker", marker)]).collect();
    query_link(base, path, pairs)
}

/// The address of `path` with a query.
pub fn query_link<K: Serialize, V: Serialize>(
    base: &BaseUrl,
    path: &str,
    pairs: impl IntoIterator<Item = (K, V)>,
) -> String {
    let pairs: Vec<_> = pairs.into_iter().collect();
    // Pairs of strings can always be written.
    let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
    base.join(&format!("{path}?{query}"))
}
