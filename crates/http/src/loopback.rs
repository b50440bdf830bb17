//! One service's way to the APIs of others in the same process, with its caller's own token: what the caller may not do there
//! it may not do here either, and it is judged, limited and logged as any request.

use crate::X_AUTH_TOKEN;
use axum::{Router, body::Body};
use http_body_util::BodyExt;
use hyper::{Method, Request, StatusCode, header::CONTENT_TYPE};
use kernel::{Error, Kind, Result, error::Doing};
use serde_json::Value;
use std::sync::OnceLock;
use tower::ServiceExt;

/// A request to a neighbour. A `PATCH` is a list of JSON patches, as the image service takes them.
#[derive(Clone, Copy, Debug)]
pub struct Errand<'a> {
    pub token: &'a str,
    pub method: &'a Method,
    pub path: &'a str,
    pub body: Option<&'a Value>,
}

/// Wired when all routers are made.
#[derive(Default)]
pub struct Loopback(OnceLock<Router>);

impl Loopback {
    /// To be called once.
    pub fn wire(&self, router: Router) {
        // A second wiring would be of the same routers.
        let _ = self.0.set(router);
    }

    /// The answer's body, null if it has none; a fault as an error of its kind, in the neighbour's words.
    pub async fn send(&self, errand: Errand<'_>) -> Result<Value> {
        let router = self.0.get().ok_or_else(|| Error::unavailable("this member is starting"))?.clone();
        let kind = match *errand.method {
            Method::PATCH => "application/openstack-images-v2.1-json-patch",
            _ => "application/json",
        };
        let body = errand.body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
        let request = Request::builder().method(errand.method).uri(errand.path);
        let request = request.header(X_AUTH_TOKEN, errand.token).header("host", "localhost").header(CONTENT_TYPE, kind);
        let request = request.body(body).doing("asking another service")?;
        let Ok(response) = router.oneshot(request).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.doing("reading another service's answer")?.to_bytes();
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() { Ok(answer) } else { Err(Error::of(kind_of(status), words(&answer, status))) }
    }
}

fn kind_of(status: StatusCode) -> Kind {
    match status.as_u16() {
        400 => Kind::BadRequest,
        401 | 403 => Kind::Forbidden,
        404 | 405 => Kind::NotFound,
        409 => Kind::Conflict,
        413 => Kind::TooLarge,
        501 => Kind::NotImplemented,
        503 => Kind::Unavailable,
        _ => Kind::Internal,
    }
}

/// What a fault says, in whichever style.
fn words(fault: &Value, status: StatusCode) -> String {
    let inner = fault.as_object().into_iter().flatten().find_map(|(_, inner)| inner["message"].as_str());
    let own = inner.or_else(|| fault["message"].as_str());
    own.unwrap_or_else(|| status.canonical_reason().unwrap_or("the request was refused")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::{get, post};
    use serde_json::json;

    #[tokio::test]
    async fn answers_and_faults_come_back() {
        let loopback = Loopback::default();
        let errand = |path| Errand { token: "t", method: &Method::GET, path, body: None };
        assert!(loopback.send(errand("/there")).await.unwrap_err().is(Kind::Unavailable), "not wired yet");
        let told = (StatusCode::CONFLICT, r#"{"NeutronError": {"message": "in use"}}"#);
        let echo = |headers: hyper::HeaderMap, body: String| async move {
            format!("[{:?}, {body}]", headers[X_AUTH_TOKEN].to_str().unwrap())
        };
        let router = Router::new().route("/there", get(|| async { r#"{"a": 1}"# }));
        loopback.wire(router.route("/busy", get(move || async move { told })).route("/echo", post(echo)));
        assert_eq!(loopback.send(errand("/there")).await.unwrap(), json!({"a": 1}));
        let busy = loopback.send(errand("/busy")).await.unwrap_err();
        assert_eq!((busy.kind(), busy.message()), (Kind::Conflict, "in use"));
        assert!(loopback.send(errand("/nowhere")).await.unwrap_err().is(Kind::NotFound));
        let body = json!({"b": 2});
        let asked = Errand { method: &Method::POST, body: Some(&body), ..errand("/echo") };
        assert_eq!(loopback.send(asked).await.unwrap(), json!(["t", {"b": 2}]));
    }
}
