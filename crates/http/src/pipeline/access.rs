//! One line and one count per request, also for those whose client went away before the answer.

use crate::ServiceSpec;
use axum::http::Method;
use kernel::{Credentials, RequestId};
use std::{sync::Arc, time::Instant};
use telemetry::metrics;

/// nginx's number for a client that closed the connection while its request was being served; never sent.
const CLIENT_GONE: u16 = 499;

pub(super) struct Access {
    service: &'static str,
    method: Method,
    /// Empty when nobody reads access lines.
    path: String,
    pub(super) request_id: RequestId,
    pub(super) credentials: Option<Arc<Credentials>>,
    began: Instant,
    status: u16,
}

impl Access {
    pub(super) fn begin(spec: &ServiceSpec, method: Method, path: &str) -> Self {
        let logged = tracing::enabled!(target: "http::access", tracing::Level::INFO);
        let path = if logged { format!("{}{path}", spec.prefix) } else { String::new() };
        let (request_id, began) = (RequestId::new(), Instant::now());
        Self { service: spec.name, method, path, request_id, credentials: None, began, status: CLIENT_GONE }
    }

    pub(super) fn answered(mut self, status: u16) {
        self.status = status;
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        metrics().request(self.service, method_name(&self.method), self.status, took);
        let who = self.credentials.as_deref();
        tracing::info!(
            target: "http::access",
            service = self.service,
            method = self.method.as_str(),
            path = self.path,
            status = self.status,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            user = who.map(|c| c.user.as_str()),
            project = who.and_then(Credentials::project).map(|p| p.as_str()),
            request_id = self.request_id.as_str(),
        );
    }
}

/// Bounded, so that clients cannot make up label values.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
