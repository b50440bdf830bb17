//! What a client takes for an answer.

use crate::ApiError;
use axum::{
    extract::FromRequestParts,
    http::{header::ACCEPT, request::Parts},
};
use kernel::Error;

/// For handlers that have nothing but JSON to give: a client that says it takes none is refused (406).
pub struct AcceptsJson;

impl<S: Sync> FromRequestParts<S> for AcceptsJson {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let asked = parts.headers.get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if asked.trim().is_empty() || quality(asked, "application", "json") > 0.0 {
            return Ok(Self);
        }
        Err(ApiError(Error::not_acceptable("Only application/json is provided")))
    }
}

/// The weight of `kind/sub` in an `Accept` header: of the most specific range that covers it (RFC 9110 §12.5.1).
pub(crate) fn quality(accept: &str, kind: &str, sub: &str) -> f32 {
    let mut best = (0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some((k, s)) = parts.next().and_then(|range| range.split_once('/')) else { continue };
        let specificity = match (k.eq_ignore_ascii_case(kind), s.eq_ignore_ascii_case(sub)) {
            (true, true) => 3,
            (true, false) if s == "*" => 2,
            _ if k == "*" && s == "*" => 1,
            _ => continue,
        };
        let weight = parts.find_map(|p| p.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        let weight = if f32::is_finite(weight) { weight } else { 0.0 };
        if specificity > best.0 {
            best = (specificity, weight);
        }
    }
    best.1
}
