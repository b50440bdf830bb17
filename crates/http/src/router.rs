//! A service's routes, remembered as they are declared: `tstack routes`, the compatibility table and the coverage tests
//! read them from here, so none of them can disagree with what is served.

use crate::{ApiError, Deps, ServiceSpec, pipeline::Pipeline};
use axum::{
    Router,
    handler::Handler,
    http::Method,
    response::IntoResponse,
    routing::{MethodFilter, MethodRouter, on},
};
use kernel::{Error, Kind};
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RouteInfo {
    pub service: &'static str,
    pub method: &'static str,
    /// With the service's prefix.
    pub path: String,
    /// The key of a `POST …/action` body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
}

#[derive(Clone, Copy, Debug)]
struct Declared {
    method: &'static str,
    path: &'static str,
    action: Option<&'static str>,
}

/// Paths are below the service's prefix and without a trailing slash: `/v2.1/servers/{id}`.
pub struct ApiRouter<S = ()> {
    routes: Router<S>,
    declared: Vec<Declared>,
}

macro_rules! methods {
    ($($name:ident => $method:ident),+ $(,)?) => {$(
        #[must_use]
        pub fn $name<H: Handler<T, S>, T: 'static>(self, path: &'static str, handler: H) -> Self {
            self.on(&Method::$method, path, handler)
        }
    )+};
}

impl<S: Clone + Send + Sync + 'static> ApiRouter<S> {
    pub fn new() -> Self {
        Self { routes: Router::new(), declared: Vec::new() }
    }

    methods! {
        get => GET,
        head => HEAD,
        post => POST,
        put => PUT,
        patch => PATCH,
        delete => DELETE,
    }

    /// A GET route answers HEAD too, without the body, unless HEAD has a route of its own.
    #[must_use]
    pub fn on<H: Handler<T, S>, T: 'static>(mut self, method: &Method, path: &'static str, handler: H) -> Self {
        let (filter, name) = match method.as_str() {
            "GET" => (MethodFilter::GET, "GET"),
            "HEAD" => (MethodFilter::HEAD, "HEAD"),
            "POST" => (MethodFilter::POST, "POST"),
            "PUT" => (MethodFilter::PUT, "PUT"),
            "PATCH" => (MethodFilter::PATCH, "PATCH"),
            "DELETE" => (MethodFilter::DELETE, "DELETE"),
            "OPTIONS" => (MethodFilter::OPTIONS, "OPTIONS"),
            other => panic!("no service routes {other}"),
        };
        let route: MethodRouter<S> = on(filter, handler);
        self.routes = self.routes.route(path, route);
        self.declared.push(Declared { method: name, path, action: None });
        self
    }

    /// Notes one action of a `POST …/action` route; finding the action's code is the service's.
    #[must_use]
    pub fn action(mut self, path: &'static str, action: &'static str) -> Self {
        self.declared.push(Declared { method: "POST", path, action: Some(action) });
        self
    }

    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.routes = self.routes.merge(other.routes);
        self.declared.extend(other.declared);
        self
    }

    /// What is served, sorted. A route with actions is listed as its actions.
    pub fn routes(&self, spec: &ServiceSpec) -> Vec<RouteInfo> {
        let has_actions = |d: &Declared| self.declared.iter().any(|o| o.action.is_some() && o.path == d.path);
        let listed = self.declared.iter().filter(|d| d.action.is_some() || d.method != "POST" || !has_actions(d));
        let mut routes: Vec<_> = listed
            .map(|d| RouteInfo {
                service: spec.name,
                method: d.method,
                path: format!("{}{}", spec.prefix, d.path),
                action: d.action,
            })
            .collect();
        routes.sort();
        routes
    }

    /// The service, ready to be merged with the others. Panics if a pattern of the spec is malformed.
    pub fn finish(self, spec: ServiceSpec, state: S, deps: Deps) -> Router {
        let prefix = spec.prefix;
        let routes = self.routes.fallback(not_found).method_not_allowed_fallback(not_allowed).with_state(state);
        let pipeline = Pipeline::new(spec, deps, routes);
        if prefix.is_empty() {
            return Router::new().fallback_service(pipeline);
        }
        // Nesting strips the prefix and keeps its wildcard out of the handlers' path variables.
        Router::new().nest_service(prefix, pipeline)
    }
}

impl<S: Clone + Send + Sync + 'static> Default for ApiRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}

async fn not_found() -> impl IntoResponse {
    ApiError(Error::not_found("The resource could not be found."))
}

async fn not_allowed(method: Method) -> impl IntoResponse {
    ApiError(Error::of(Kind::MethodNotAllowed, format!("The method {method} is not allowed for this resource.")))
}
