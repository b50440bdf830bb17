//! For tests of services: the whole pipeline called in memory, as a client would over a socket.

mod bodies;

pub use bodies::{Bodies, Sent};

use crate::{Deps, PeerCert, X_AUTH_TOKEN};
use async_trait::async_trait;
use axum::{Router, body::Body, extract::Request, http::HeaderMap};
use bytes::Bytes;
use http_body_util::BodyExt;
use kernel::{Clock, Credentials, Error, Result, Scope, SystemClock, Timestamp, TokenValidator};
use serde_json::Value;
use std::{any::Any, collections::HashMap, sync::Arc};
use tower::ServiceExt;

/// Tokens by their text.
#[derive(Clone, Default)]
pub struct Tokens(HashMap<String, Arc<Credentials>>);

impl Tokens {
    #[must_use]
    pub fn with(mut self, token: &str, credentials: Credentials) -> Self {
        self.0.insert(token.to_owned(), Arc::new(credentials));
        self
    }
}

#[async_trait]
impl TokenValidator for Tokens {
    async fn validate(&self, token: &str) -> Result<Arc<Credentials>> {
        self.0.get(token).cloned().ok_or_else(|| Error::unauthorized("no such token"))
    }
}

/// Credentials of `user` in `project` of the default domain.
pub fn member_of(project: &str, user: &str, roles: &[&str]) -> Credentials {
    Credentials {
        user: user.into(),
        user_name: user.into(),
        user_domain: "default".into(),
        user_domain_name: "Default".into(),
        scope: Scope::Project {
            id: project.into(),
            name: project.into(),
            domain: "default".into(),
            domain_name: "Default".into(),
            is_domain: false,
        },
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        expires: Timestamp::from_micros(i64::MAX),
        issued: Timestamp::default(),
        app_cred: None,
        trust: None,
        methods: vec!["password".to_owned()],
        audit_ids: Vec::new(),
    }
}

/// Dependencies with the default limits and the system's clock.
pub fn deps(tokens: Tokens, policy: Arc<dyn Any + Send + Sync>) -> Deps {
    deps_at(tokens, policy, SystemClock::shared())
}

/// The same with a clock of the test's.
pub fn deps_at(tokens: Tokens, policy: Arc<dyn Any + Send + Sync>, clock: Arc<dyn Clock>) -> Deps {
    Deps { tokens: Arc::new(tokens), policy, clock, body_limit: Deps::BODY_LIMIT, timeout: Deps::TIMEOUT }
}

/// A client of a router, optionally logged in.
#[derive(Clone)]
pub struct Api {
    router: Router,
    headers: Vec<(String, String)>,
    peer: Option<PeerCert>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Api {
    pub fn new(router: Router) -> Self {
        Self { router, headers: Vec::new(), peer: None }
    }

    /// The same client with another header on every request.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut new = self.clone();
        new.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        new.headers.push((name.to_owned(), value.to_owned()));
        new
    }

    /// The same client with a token.
    #[must_use]
    pub fn token(&self, token: &str) -> Self {
        self.with(X_AUTH_TOKEN.as_str(), token)
    }

    /// The same client, header by header, of another router.
    #[must_use]
    pub fn through(&self, router: &Router) -> Self {
        Self { router: router.clone(), ..self.clone() }
    }

    /// The same client having shown a certificate.
    #[must_use]
    pub fn peer(&self, cert: PeerCert) -> Self {
        Self { peer: Some(cert), ..self.clone() }
    }

    /// `api.call("GET /compute/v2.1/servers", None)`. Panics on what is not a request.
    pub async fn call(&self, request: &str, body: impl Into<Option<Value>>) -> Answer {
        match body.into() {
            Some(json) => self.with("content-type", "application/json").send(request, json.to_string()).await,
            None => self.send(request, Body::empty()).await,
        }
    }

    /// The same with any body.
    pub async fn send(&self, request: &str, body: impl Into<Body>) -> Answer {
        let (method, uri) = request.split_once(' ').expect("a method and a path");
        let mut builder = Request::builder().method(method).uri(uri).header("host", "cloud.test:5000");
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        if let Some(peer) = &self.peer {
            builder = builder.extension(peer.clone());
        }
        let request = builder.body(body.into()).expect("a well-formed request");
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// A header's values, joined as clients see them; empty if absent.
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        values.map(|v| v.to_str().unwrap_or("?")).collect::<Vec<_>>().join(", ")
    }
}
