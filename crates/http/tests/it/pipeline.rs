//! Tokens, request ids, limits, bodies, HEAD and panics.

use crate::service::{BODY_LIMIT, api};
use http::{FaultStyle, RawBody, testkit::Answer};
use serde_json::{Value, json};

fn message(answer: &Answer) -> String {
    let json = answer.json();
    let fault = json.as_object().and_then(|o| o.values().next());
    fault.and_then(|f| f["message"].as_str()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn tokens() {
    let api = api(FaultStyle::Nova);
    let status = async |request: &str, token: &str| {
        let api = if token.is_empty() { api.clone() } else { api.token(token) };
        let answer = api.call(request, None).await;
        (answer.status, answer.json()["user"].as_str().map(ToOwned::to_owned))
    };
    assert_eq!(status("GET /svc/who", "").await, (401, None));
    assert_eq!(status("GET /svc/who", " ").await, (401, None));
    assert_eq!(status("GET /svc/who", "forged").await, (401, None));
    assert_eq!(status("GET /svc/who", "ann").await, (200, Some("ann".into())));
    assert_eq!(status("GET /svc/open", "").await, (200, None));
    assert_eq!(status("GET /svc/open", "forged").await, (200, None), "an invalid token on a public path is none");
    assert_eq!(status("GET /svc/open", "ann").await, (200, Some("ann".into())));
    assert_eq!(status("POST /svc/open", "").await, (200, None));
    assert_eq!(status("DELETE /svc/open", "").await.0, 401, "public for GET and POST, nothing else");
    assert_eq!(status("GET /svc/nothing", "").await.0, 401, "who is nobody learns no paths");
    assert_eq!(status("GET /svc/public/x/y", "").await.0, 404);

    let refused = api.call("GET /svc/who", None).await;
    assert_eq!(refused.header("www-authenticate"), "Keystone uri=\"http://cloud.test:5000/identity/v3\"");
}

#[tokio::test]
async fn request_ids() {
    let api = api(FaultStyle::Nova).token("ann");
    let answer = api.call("GET /svc/who", None).await;
    let id = answer.header("x-openstack-request-id");
    assert!(id.starts_with("req-"), "{id}");
    assert_eq!(answer.header("x-compute-request-id"), id);
    assert_eq!(answer.json()["request_id"], id, "the client's id is the one handlers see");
    assert_eq!(answer.json()["global"], Value::Null);
    let global = "req-6a0a0c0e-9f7d-4d3c-8f83-6a3b4a3f7f10";
    let answer = api.with("x-openstack-request-id", global).call("GET /svc/who", None).await;
    assert_eq!(answer.json()["global"], global);
    assert_ne!(answer.header("x-openstack-request-id"), global, "its own id is new all the same");
    let answer = api.with("x-openstack-request-id", "req-<script>").call("GET /svc/who", None).await;
    assert_eq!(answer.json()["global"], Value::Null);
}

#[tokio::test]
async fn body_sizes() {
    let api = api(FaultStyle::Nova).token("ann");
    let text = |n: usize| format!("\"{}\"", "x".repeat(n - 2));
    // As with an upload in chunks: no length is declared, so it shows only in reading.
    let chunked = |n: usize| {
        RawBody::from_stream(futures_util::stream::iter(
            text(n).into_bytes().chunks(1000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>(),
        ))
    };
    for (what, answer, status) in [
        ("full", api.send("POST /svc/json", text(BODY_LIMIT)).await, 200),
        ("over", api.send("POST /svc/json", text(BODY_LIMIT + 1)).await, 413),
        ("chunked", api.send("POST /svc/json", chunked(BODY_LIMIT)).await, 200),
        ("chunked over", api.send("POST /svc/json", chunked(BODY_LIMIT + 1)).await, 413),
        ("declared", api.with("content-length", "999999999999").send("POST /svc/json", "1").await, 413),
        ("upload", api.send("PUT /svc/upload", text(BODY_LIMIT * 9)).await, 200),
        ("upload chunked", api.send("PUT /svc/upload", chunked(BODY_LIMIT * 9)).await, 200),
    ] {
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        if status == 413 {
            assert_eq!(answer.json(), json!({"overLimit": {"code": 413, "message": "Request is too large."}}));
        }
    }
}

#[tokio::test]
async fn bodies_that_do_not_fit() {
    let api = api(FaultStyle::Nova).token("ann");
    for (body, expect) in [
        (r#"{"name": "a", "sizes": [1, 2]}"#, ""),
        ("", "Malformed request body"),
        ("{", "Malformed request body"),
        ("\u{feff}{}", "Malformed request body"),
        (r#"{"name": "a"}"#, "Invalid input for the request body. missing field `sizes`"),
        (
            r#"{"name": 1, "sizes": []}"#,
            "Invalid input for field/attribute name. invalid type: integer `1`, expected a string",
        ),
        (
            r#"{"name": "a", "sizes": [1, 2, 300]}"#,
            "Invalid input for field/attribute sizes[2]. invalid value: integer `300`, expected u8",
        ),
        ("[]", "Invalid input for the request body. invalid length 0, expected struct Thing with 2 elements"),
    ] {
        let answer = api.send("POST /svc/things", body).await;
        assert_eq!(
            (answer.status, message(&answer).as_str()),
            (if expect.is_empty() { 201 } else { 400 }, expect),
            "{body}"
        );
    }
    let deep = "[".repeat(2000) + &"]".repeat(2000);
    assert_eq!(api.send("POST /svc/json", deep).await.status, 400, "nesting cannot exhaust the stack");
    let xml = api.with("content-type", "application/xml").send("POST /svc/json", "<a/>").await;
    assert_eq!((xml.status, message(&xml)), (415, "Unsupported Content-Type".into()));
    for lenient in ["text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded", "?"] {
        assert_eq!(api.with("content-type", lenient).send("POST /svc/json", "{}").await.status, 200, "{lenient}");
    }
}

#[tokio::test]
async fn actions_have_one_key() {
    let api = api(FaultStyle::Nova).token("ann");
    let answer = api.call("POST /svc/things/7/action", json!({"os-start": null})).await;
    assert_eq!(answer.json(), json!({"id": "7", "action": "os-start", "arguments": null}));
    for bad in [json!({}), json!({"a": 1, "b": 2}), json!([]), json!("os-start"), Value::Null] {
        let answer = api.call("POST /svc/things/7/action", bad).await;
        assert_eq!((answer.status, message(&answer)), (400, "Malformed request body".into()));
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let api = api(FaultStyle::Nova).token("ann");
    for path in ["/svc/things/1", "/svc/fail/not_found", "/svc/nothing", "/svc/panic"] {
        let get = api.call(&format!("GET {path}"), None).await;
        let head = api.call(&format!("HEAD {path}"), None).await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
    assert_eq!(api.call("HEAD /svc/things", None).await.status, 405);
}

#[tokio::test]
async fn methods_not_allowed_are_told_the_others() {
    let answer = api(FaultStyle::Nova).token("ann").call("PUT /svc/things/1", None).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), "GET,HEAD,DELETE");
    assert_eq!(message(&answer), "The method PUT is not allowed for this resource.");
}

#[tokio::test]
async fn a_panic_is_an_answer_and_a_number() {
    let count = || {
        let text = telemetry::render();
        let line = text.lines().find(|l| l.starts_with("tstack_panics_total{task=\"panicky\"}"));
        line.and_then(|l| l.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    let mut spec = crate::service::spec(FaultStyle::Nova);
    spec.name = "panicky";
    let api = http::testkit::Api::new(crate::service::router(spec)).token("ann");
    let answer = api.call("GET /svc/panic", None).await;
    assert_eq!(answer.status, 500);
    assert!(message(&answer).contains(&answer.header("x-openstack-request-id")), "{answer:?}");
    assert_eq!(count(), 1);
    assert_eq!(api.call("GET /svc/things/1", None).await.status, 200, "and the next request is served");
}

#[tokio::test]
async fn content_types() {
    let api = api(FaultStyle::Nova).token("ann");
    assert_eq!(api.call("GET /svc/things/1", None).await.header("content-type"), "application/json");
    assert_eq!(api.call("GET /svc/count/1", None).await.header("content-type"), "application/json");
    assert_eq!(api.call("DELETE /svc/things/1", None).await.header("content-type"), "", "nothing has no type");
}
