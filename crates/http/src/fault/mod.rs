//! From a [`kernel::Error`] to the answer a client sees, in the words and shape of the service it asked.
//!
//! ```text
//!   handler ──Err(ApiError)──► IntoResponse: bare status + the error as an extension
//!                                   │ the only way out is through the pipeline, which knows
//!                                   ▼ style, request id, version bounds and the client's Accept
//!                              FaultStyle::render ──► headers + body
//! ```
//!
//! So a handler need not know its service's style, an error is logged in one place, and a style is tested as a table.

mod render;
mod texts;

use crate::{BaseUrl, spec::VersionRange};
use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use kernel::{Error, Kind, Microversion, RequestId};

/// How a service words its faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultStyle {
    Keystone,
    Nova,
    Neutron,
    Cinder,
    Glance,
    Placement,
    Barbican,
    /// TStack's own API: Nova's shape.
    Cloud,
}

/// What a handler returns instead of an answer.
#[derive(Clone, Debug)]
pub struct ApiError(pub Error);

pub type ApiResult<T = Response> = Result<T, ApiError>;

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}

/// What rendering needs to know besides the error.
#[derive(Clone, Copy, Debug)]
pub struct FaultContext<'a> {
    pub request_id: &'a RequestId,
    /// Absent while the version of the request is not (or could not be) settled.
    pub version: Option<Microversion>,
    pub range: Option<VersionRange>,
    /// The request's `Accept`; Glance answers in HTML or JSON by it.
    pub accept: &'a str,
    /// A refused token is answered with where to get another: `Keystone uri="…"`.
    pub base: &'a BaseUrl,
}

/// A fault ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl FaultStyle {
    /// The status of an error of this kind; services disagree on quota alone.
    pub fn status(self, kind: Kind) -> StatusCode {
        let code = match (self, kind) {
            (Self::Neutron, Kind::OverQuota) => 409,
            (Self::Cinder | Self::Glance, Kind::OverQuota) => 413,
            _ => kind.status(),
        };
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
