//! What the pipeline settled about a request, and how handlers get it.

use crate::{ApiError, FaultStyle};
use axum::{
    extract::FromRequestParts,
    http::{HeaderName, header::HOST, request::Parts},
};
use kernel::{Ctx, Error, Microversion, RequestId};
use std::{convert::Infallible, fmt, time::Duration};

/// The one extension that the pipeline adds.
#[derive(Clone)]
pub(crate) struct RequestContext {
    pub(crate) info: RequestInfo,
    pub(crate) cx: Option<Ctx>,
}

/// What is known of a request whether or not somebody is logged in.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    pub request_id: RequestId,
    pub global_request_id: Option<RequestId>,
    /// 0.0 where the service has no microversions.
    pub version: Microversion,
    pub style: FaultStyle,
    /// See [`Ctx::deadline`].
    pub deadline: Duration,
    pub(crate) body_limit: usize,
}

/// Who asks. On public paths without a token: 401.
pub struct Cx(pub Ctx);

/// Who asks, if anybody said so: for public paths.
pub struct OptionalCx(pub Option<Ctx>);

fn context(parts: &Parts) -> Result<&RequestContext, ApiError> {
    let outside = || ApiError(Error::internal("reading the request's context outside a service's pipeline"));
    parts.extensions.get::<RequestContext>().ok_or_else(outside)
}

impl<S: Sync> FromRequestParts<S> for Cx {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let nobody = || ApiError(Error::unauthorized("The request you have made requires authentication."));
        context(parts)?.cx.clone().map(Self).ok_or_else(nobody)
    }
}

impl<S: Sync> FromRequestParts<S> for OptionalCx {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(context(parts)?.cx.clone()))
    }
}

impl<S: Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(context(parts)?.info.clone())
    }
}

/// Scheme and authority under which the client reached us, `http://10.0.0.1:5000`: what links begin with.
///
/// A proxy's `X-Forwarded-Proto` and `X-Forwarded-Host` come first, then the connection and the `Host` header. A client
/// that lies here gets lies in its own answer, nobody else does: no answer of ours is cached for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// For documents made without a request (tests, start-up output): `origin` as `http://host:port`.
    pub fn new(origin: impl Into<String>) -> Self {
        Self(origin.into())
    }

    /// `path` begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Marks requests that came over TLS.
#[derive(Clone, Copy, Debug)]
pub struct OverTls;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

pub(crate) fn base_url(parts: &Parts) -> BaseUrl {
    // Several proxies append; the first value is the client's view.
    let header = |name: &HeaderName| {
        let first = parts.headers.get(name)?.to_str().ok()?.split(',').next()?.trim();
        (!first.is_empty()).then_some(first)
    };
    let over_tls = || if parts.extensions.get::<OverTls>().is_some() { "https" } else { "http" };
    let scheme = match header(&X_FORWARDED_PROTO) {
        Some(s) if s.eq_ignore_ascii_case("https") => "https",
        Some(s) if s.eq_ignore_ascii_case("http") => "http",
        _ => over_tls(),
    };
    let asked =
        header(&X_FORWARDED_HOST).or_else(|| parts.uri.authority().map(|a| a.as_str())).or_else(|| header(&HOST));
    let authority = asked.filter(|text| is_authority(text)).unwrap_or("localhost");
    BaseUrl(format!("{scheme}://{authority}"))
}

/// Host and port and nothing else: no credentials, no path, nothing that ends a header or an attribute.
fn is_authority(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:[]%".contains(&b))
}

impl<S: Sync> FromRequestParts<S> for BaseUrl {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(base_url(parts))
    }
}
