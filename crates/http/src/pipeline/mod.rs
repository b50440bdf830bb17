//! What happens to every request of a service, in one function around its routes.
//!
//! ```text
//!   request id ─► canonical path ─► size ─► token ─► version ─► routes (panics caught)
//!        │            │ 413          │ 401     │ 400, 406        │ 404, 405, the handler's error
//!        └────────────┴──────────────┴─────────┴─────────────────┴─► fault in style ─► headers ─► access line
//! ```
//!
//! The order is that of the real services' pipelines: an unauthenticated client learns neither which versions nor which
//! paths exist. Public paths (version documents, the token request) skip the token, not the rest.
//!
//! Cost: one boxed future, one boxed extension and the headers' text; no work for log lines that nobody reads.

mod access;
mod path;
mod version;

use crate::{
    ApiError, BaseUrl, FaultContext, ServiceSpec,
    context::{RequestContext, RequestInfo, base_url},
    spec::{TrailingSlash, Versioning},
};
use access::Access;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
        request::Parts,
        uri::PathAndQuery,
    },
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt, future::BoxFuture};
use http_body::Body as _;
use http_body_util::Limited;
use kernel::{Clock, Credentials, Ctx, Error, Kind, Microversion, RequestId, TokenValidator};
use path::{Pattern, canonical, ends_nameless};
use std::{
    any::Any,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tower::Service;
use tracing::Instrument;

pub const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
pub const X_OPENSTACK_REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");

/// A plain error text longer than this is not made into a fault.
const PLAIN_TEXT_LIMIT: usize = 16 * 1024;

/// What the node lends every service.
#[derive(Clone)]
pub struct Deps {
    pub tokens: Arc<dyn TokenValidator>,
    /// `policy::Policies`; becomes [`Ctx::policy`].
    pub policy: Arc<dyn Any + Send + Sync>,
    pub clock: Arc<dyn Clock>,
    /// Bytes of a request's body, except on `ServiceSpec::unlimited` paths. oslo.middleware's default is 114,688.
    pub body_limit: usize,
    /// How long anybody works for one request; becomes [`Ctx::deadline`].
    pub timeout: Duration,
}

impl Deps {
    pub const BODY_LIMIT: usize = 1024 * 1024;
    pub const TIMEOUT: Duration = Duration::from_secs(60);
}

/// A service's routes with everything around them.
#[derive(Clone)]
pub(crate) struct Pipeline(Arc<Shared>);

struct Shared {
    spec: ServiceSpec,
    deps: Deps,
    public: Vec<Pattern>,
    unlimited: Vec<Pattern>,
    /// A mutex-free clone per request: `Router` is an `Arc` inside.
    routes: Router,
}

/// What was settled before the handler ran, needed again after it.
struct Settled {
    request_id: RequestId,
    head: bool,
    version: Option<Microversion>,
    accept: Option<HeaderValue>,
    base: BaseUrl,
    /// Of the request's body, where it is known before reading.
    length: Option<u64>,
}

impl Pipeline {
    pub(crate) fn new(spec: ServiceSpec, deps: Deps, routes: Router) -> Self {
        let public = spec.public.iter().copied().map(Pattern::new).collect();
        let unlimited = spec.unlimited.iter().copied().map(Pattern::new).collect();
        Self(Arc::new(Shared { spec, deps, public, unlimited, routes }))
    }
}

impl Service<Request> for Pipeline {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move { Ok(shared.handle(request).await) })
    }
}

impl Shared {
    async fn handle(self: Arc<Self>, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let mut access = Access::begin(&self.spec, parts.method.clone(), parts.uri.path());
        let mut settled = Settled {
            request_id: access.request_id.clone(),
            head: parts.method == Method::HEAD,
            version: None,
            accept: parts.headers.get(ACCEPT).cloned(),
            base: base_url(&parts),
            length: body.size_hint().exact().max(declared_length(&parts.headers)),
        };
        let span = tracing::info_span!("request", id = settled.request_id.as_str());
        let response = match self.admit(&mut parts, &mut access, &mut settled).instrument(span.clone()).await {
            Ok(()) => self.run(parts, body).instrument(span).await,
            Err(error) => ApiError(error).into_response(),
        };
        let response = self.finish(response, &settled).await;
        access.answered(response.status().as_u16());
        response
    }

    /// Everything up to the routes; on success the request carries its context.
    async fn admit(&self, parts: &mut Parts, access: &mut Access, settled: &mut Settled) -> Result<(), Error> {
        let nameless = self.spec.trailing_slash == TrailingSlash::EmptyName && ends_nameless(parts.uri.path());
        if let Some(uri) = self.canonical_uri(&parts.uri) {
            parts.uri = uri;
        }
        let (method, path) = (&parts.method, parts.uri.path());
        let limited = !self.unlimited.iter().any(|p| p.matches(method, path));
        let public = self.public.iter().any(|p| p.matches(method, path));
        if limited && settled.length.is_some_and(|n| n > self.deps.body_limit as u64) {
            return Err(Error::too_large("Request is too large."));
        }
        let credentials = self.authenticate(&parts.headers, public).await?;
        self.permitted(credentials.as_deref(), method, path)?;
        access.credentials.clone_from(&credentials);
        if nameless {
            return Err(Error::not_found("The resource could not be found."));
        }
        let version = self.version(&parts.headers, public)?;
        settled.version = version;
        let context = self.context(&parts.headers, access.request_id.clone(), credentials, version, limited);
        parts.extensions.insert(context);
        Ok(())
    }

    fn canonical_uri(&self, uri: &Uri) -> Option<Uri> {
        let path = canonical(uri.path());
        if path == uri.path() {
            return None;
        }
        let path_and_query = match uri.query() {
            Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
            None => PathAndQuery::try_from(&*path),
        };
        let mut new = uri.clone().into_parts();
        new.path_and_query = Some(path_and_query.ok()?);
        Uri::from_parts(new).ok()
    }

    async fn authenticate(&self, headers: &HeaderMap, public: bool) -> Result<Option<Arc<Credentials>>, Error> {
        let token = headers.get(X_AUTH_TOKEN).and_then(|value| value.to_str().ok()).map(str::trim);
        let refused = || Error::unauthorized("The request you have made requires authentication.");
        match (token.filter(|t| !t.is_empty()), public) {
            (None, true) => Ok(None),
            (None, false) => Err(refused()),
            (Some(token), true) => match self.deps.tokens.validate(token).await {
                Err(error) if error.is(Kind::Unauthorized) => Ok(None),
                other => other.map(Some),
            },
            (Some(token), false) => match self.deps.tokens.validate(token).await {
                // Why a token is refused is told to the log, not to who holds it.
                Err(error) if error.is(Kind::Unauthorized) => Err(refused().with_internal(error.internal_text())),
                other => other.map(Some),
            },
        }
    }

    /// A token of an application credential with access rules is good for these requests only (keystonemiddleware: 401).
    fn permitted(&self, credentials: Option<&Credentials>, method: &Method, path: &str) -> Result<(), Error> {
        let Some(limited) = credentials.and_then(|c| c.app_cred.as_ref()).filter(|a| a.access_rules.is_some()) else {
            return Ok(());
        };
        let mut types = vec![self.spec.name];
        if let Versioning::Micro(micro) = &self.spec.versioning {
            types.extend(micro.service_types);
        }
        // Rules are written with the path as the service sees it, or as the client does.
        let seen = format!("{}{path}", self.spec.prefix);
        if limited.permits(&types, method.as_str(), path) || limited.permits(&types, method.as_str(), &seen) {
            return Ok(());
        }
        let refused = Error::unauthorized("The request you have made requires authentication.");
        Err(refused.with_internal("no access rule of the application credential allows this request"))
    }

    /// Version documents are for those who do not know our versions: there a bad header is no error.
    fn version(&self, headers: &HeaderMap, public: bool) -> Result<Option<Microversion>, Error> {
        match &self.spec.versioning {
            Versioning::None => Ok(None),
            Versioning::Micro(micro) => match version::negotiate(micro, self.spec.style, headers) {
                Err(_) if public => Ok(Some(micro.default)),
                other => other.map(Some),
            },
        }
    }

    fn context(
        &self,
        headers: &HeaderMap,
        request_id: RequestId,
        credentials: Option<Arc<Credentials>>,
        version: Option<Microversion>,
        limited: bool,
    ) -> RequestContext {
        let global = headers.get(X_OPENSTACK_REQUEST_ID).and_then(|v| v.to_str().ok()).and_then(RequestId::parse);
        let deps = &self.deps;
        let info = RequestInfo {
            request_id,
            global_request_id: global,
            version: version.unwrap_or(Microversion::new(0, 0)),
            style: self.spec.style,
            deadline: deps.clock.monotonic() + deps.timeout,
            body_limit: if limited { deps.body_limit } else { usize::MAX },
        };
        let cx = credentials.map(|credentials| Ctx {
            credentials,
            request_id: info.request_id.clone(),
            global_request_id: info.global_request_id.clone(),
            version: info.version,
            clock: deps.clock.clone(),
            deadline: Some(info.deadline),
            policy: deps.policy.clone(),
        });
        RequestContext { info, cx }
    }

    async fn run(&self, parts: Parts, body: Body) -> Response {
        let limit = parts.extensions.get::<RequestContext>().map_or(usize::MAX, |c| c.info.body_limit);
        // A declared length was checked already and is enforced by hyper; a body of unknown length is counted.
        let body = if limit == usize::MAX || body.size_hint().exact().is_some() {
            body
        } else {
            Body::new(Limited::new(body, limit))
        };
        let mut routes = self.routes.clone();
        let answer = AssertUnwindSafe(async move { routes.call(Request::from_parts(parts, body)).await });
        match answer.catch_unwind().await {
            Ok(Ok(response)) => response,
            Err(payload) => {
                let panicked = telemetry::counted_panic(self.spec.name, &*payload);
                ApiError(Error::internal("serving a request").with_source(panicked)).into_response()
            }
        }
    }

    async fn finish(&self, response: Response, settled: &Settled) -> Response {
        let mut response = self.worded(response, settled).await;
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(settled.request_id.as_str()) {
            if let Some(name) = &self.spec.request_id_header {
                headers.insert(name.clone(), id.clone());
            }
            headers.insert(X_OPENSTACK_REQUEST_ID, id);
        }
        if let Some(version) = settled.version {
            version::announce(&self.spec.versioning, version, headers);
        }
        let empty = response.body().is_end_stream();
        if !empty && !response.headers().contains_key(CONTENT_TYPE) {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
    }

    /// Errors get the service's words. Also those that axum's own extractors answer in plain text.
    async fn worded(&self, mut response: Response, settled: &Settled) -> Response {
        if let Some(ApiError(error)) = response.extensions_mut().remove::<ApiError>() {
            return self.fault(response, &error, settled);
        }
        if !response.status().is_client_error() && !response.status().is_server_error() {
            return response;
        }
        let plain = response.headers().get(CONTENT_TYPE).is_none_or(|t| t.as_bytes().starts_with(b"text/plain"));
        let short = response.body().size_hint().upper().is_some_and(|n| n <= PLAIN_TEXT_LIMIT as u64);
        if !plain || !short {
            return response;
        }
        let (parts, body) = response.into_parts();
        let text = axum::body::to_bytes(body, PLAIN_TEXT_LIMIT).await.unwrap_or_default();
        let error = plain_error(parts.status, &String::from_utf8_lossy(&text));
        self.fault(Response::from_parts(parts, Body::empty()), &error, settled)
    }

    fn fault(&self, response: Response, error: &Error, settled: &Settled) -> Response {
        log(error, settled);
        let about = FaultContext {
            request_id: &settled.request_id,
            version: settled.version,
            range: self.spec.versioning.range(),
            accept: settled.accept.as_ref().and_then(|v| v.to_str().ok()).unwrap_or_default(),
            base: &settled.base,
        };
        let fault = self.spec.style.render(error, &about);
        let (mut parts, _) = response.into_parts();
        parts.status = fault.status;
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.extend(fault.headers);
        if settled.head {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(fault.body.len()));
            return Response::from_parts(parts, Body::empty());
        }
        Response::from_parts(parts, Body::from(fault.body))
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The one place where a refusal or failure is logged.
fn log(error: &Error, settled: &Settled) {
    let request_id = settled.request_id.as_str();
    match error.kind() {
        Kind::Internal => tracing::error!(request_id, "request failed: {}", error.internal_text()),
        Kind::Unavailable => tracing::warn!(request_id, "request could not be served now: {}", error.internal_text()),
        kind => tracing::debug!(request_id, ?kind, "request refused: {}", error.internal_text()),
    }
}

fn plain_error(status: StatusCode, text: &str) -> Error {
    let kind = match status.as_u16() {
        401 => Kind::Unauthorized,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        405 => Kind::MethodNotAllowed,
        406 => Kind::NotAcceptable,
        409 => Kind::Conflict,
        410 => Kind::Gone,
        412 => Kind::PreconditionFailed,
        413 => Kind::TooLarge,
        415 => Kind::UnsupportedMediaType,
        416 => Kind::RangeNotSatisfiable,
        429 => Kind::TooManyRequests,
        501 => Kind::NotImplemented,
        503 => Kind::Unavailable,
        code if code < 500 => Kind::BadRequest,
        _ => return Error::internal(format!("answering {status}: {text}")),
    };
    let text = match kind {
        Kind::NotFound if text.is_empty() => "The resource could not be found.",
        Kind::MethodNotAllowed if text.is_empty() => "The method is not allowed for this resource.",
        _ if text.is_empty() => status.canonical_reason().unwrap_or("the request was refused"),
        _ => text,
    };
    Error::of(kind, text)
}
