//! Everything between a socket and a service's handlers: one pipeline for all APIs, and the client for the other way.
//!
//! ```text
//!   socket ─► server (TLS, h1/h2, limits) ─► Router of the node ─┬─► /compute  pipeline ─► handlers
//!                                                                ├─► /identity pipeline ─► handlers
//!                                                                └─► …
//!   pipeline: request id · canonical path · size · token · version │ handler │ fault in style · headers · access line
//! ```
//!
//! Invariants
//! - A handler is reached only with what its service demands settled: a token unless the path is public, a version
//!   within bounds, a body within limits. It takes them as arguments ([`Cx`], [`Body`], [`Params`], [`Path`]).
//! - An error has one way out: `Err(ApiError)`, worded by the service's [`FaultStyle`] in the pipeline, logged there once.
//! - Nothing a client sends, header, path or body, ends a task: a panic in a handler is a 500 with a request id, and counted.
//! - What is served is what [`ApiRouter::routes`] lists.
//!
//! A whole service:
//!
//! ```
//! use http::{ApiResult, ApiRouter, Cx, FaultStyle, JsonBody, Micro, Path, Response, ServiceSpec, State, Versioning};
//! use kernel::{Error, Microversion};
//! use std::sync::{Arc, Mutex};
//!
//! http::schema! {
//!     CREATE = {
//!         "type": "object", "required": ["note"], "additionalProperties": false,
//!         "properties": {"note": {"type": "string", "minLength": 1, "maxLength": 255}},
//!     }
//! }
//!
//! #[derive(serde::Deserialize)]
//! struct Create { note: String }
//!
//! type Notes = Arc<Mutex<Vec<String>>>;
//!
//! fn spec() -> ServiceSpec {
//!     let version = Micro {
//!         service_types: &["notes"], legacy: None,
//!         min: Microversion::new(1, 0), max: Microversion::new(1, 4), default: Microversion::new(1, 0),
//!     };
//!     let base = ServiceSpec::new("notes", "/notes", FaultStyle::Nova);
//!     ServiceSpec { versioning: Versioning::Micro(version), public: &["/", "/v1"], ..base }
//! }
//!
//! async fn create(State(notes): State<Notes>, Cx(cx): Cx, body: JsonBody) -> ApiResult<Response> {
//!     let Create { note } = body.read(&CREATE)?;
//!     cx.project()?;
//!     notes.lock().unwrap().push(note);
//!     Ok(http::created(&serde_json::json!({"id": notes.lock().unwrap().len() - 1})))
//! }
//!
//! async fn show(State(notes): State<Notes>, Path(id): Path<usize>) -> ApiResult {
//!     let note = notes.lock().unwrap().get(id).cloned();
//!     let note = note.ok_or_else(|| Error::not_found(format!("Note {id} could not be found.")))?;
//!     Ok(http::ok(&serde_json::json!({"note": note})))
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let router = ApiRouter::<Notes>::new().post("/v1/notes", create).get("/v1/notes/{id}", show);
//! assert_eq!(router.routes(&spec())[0].path, "/notes/v1/notes/{id}");
//!
//! use http::testkit::{Api, Tokens, deps, member_of};
//! let tokens = Tokens::default().with("t", member_of("p", "ann", &["member"]));
//! let api = Api::new(router.finish(spec(), Notes::default(), deps(tokens, Arc::new(()))));
//! assert_eq!(api.call("GET /notes/v1/notes/0", None).await.status, 401);
//! let ann = api.token("t");
//! let answer = ann.call("POST /notes/v1/notes", serde_json::json!({"note": "hi"})).await;
//! assert_eq!((answer.status, answer.header("openstack-api-version")), (201, "notes 1.0".to_owned()));
//! assert_eq!(ann.call("GET /notes/v1/notes/0/", None).await.json()["note"], "hi");
//! let answer = ann.call("POST /notes/v1/notes", serde_json::json!({"note": 1})).await;
//! let text = "Invalid input for field/attribute note. Value: 1. 1 is not of type 'string'";
//! assert_eq!(answer.json()["badRequest"]["message"], text);
//! # });
//! ```

pub mod client;
mod context;
pub mod discovery;
mod extract;
mod fault;
mod loopback;
mod percent;
mod pipeline;
mod reply;
mod router;
pub mod schema;
mod server;
mod spec;
pub mod testkit;

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
pub use extract::{AcceptsJson, Body, JsonBody, Params, Path, body_error, from_value};
pub use fault::{ApiError, ApiResult, Fault, FaultContext, FaultStyle};
pub use loopback::{Errand, Loopback};
pub use percent::percent;
pub use pipeline::{Deps, X_AUTH_TOKEN, X_OPENSTACK_REQUEST_ID};
pub use reply::{accepted, created, done, json_bytes, json_response, link, next_link, no_content, ok, query_link};
pub use router::{ApiRouter, RouteInfo};
pub use schema::{Schema, pick};
pub use server::{Bound, ClientAuth, PeerAddr, PeerCert, Server, TlsConfig, TlsHandle, serve_listener};
pub use spec::{
    Micro, ServiceSpec, TrailingSlash, VersionRange, Versioning, X_COMPUTE_REQUEST_ID, X_OPENSTACK_NOVA_API_VERSION,
};
