//! Everything between a socket and a service's handlers: one pipeline for all APIs, and the client for the other way.
pub mod client;
mod context;
pub mod discovery;
mod extract;
mod fault;
mod pipeline;
mod reply;
mod router;
pub mod schema;
mod server;
mod spec;

pub use axum;
pub use axum::{
    Router,
    body::Body as RawBody,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
pub use client::{Client, ClientConfig, ClientError, ClientResponse, ClientTls, Protocol};
pub use context::{BaseUrl, Cx, OptionalCx, OverTls, RequestInfo};
pub use extract::{Body, JsonBody, Params, Path, broken, from_value};
pub use fault::{ApiError, ApiResult, Fault, FaultContext, FaultStyle};
pub use pipeline::{Deps, X_AUTH_TOKEN, X_OPENSTACK_REQUEST_ID};
pub use reply::{accepted, created, json_response, link, next_link, no_content, ok};
pub use router::{ApiRouter, RouteInfo};
pub use schema::{Schema, pick};
pub use server::{Bound, ClientAuth, PeerAddr, PeerCert, Server, TlsConfig, serve_listener};
pub use spec::{Micro, ServiceSpec, VersionRange, Versioning, X_COMPUTE_REQUEST_ID, X_OPENSTACK_NOVA_API_VERSION};
