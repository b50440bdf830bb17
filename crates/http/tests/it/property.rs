//! Whatever bytes come: an answer, well-formed, with a request id.

use crate::service::{api, routes, spec};
use http::{
    FaultStyle, RawBody,
    axum::extract::Request,
    testkit::{Tokens, deps},
};
use http_body_util::BodyExt;
use proptest::prelude::*;
use std::sync::Arc;
use tower::ServiceExt;

fn style() -> impl Strategy<Value = FaultStyle> {
    prop_oneof![
        Just(FaultStyle::Keystone),
        Just(FaultStyle::Nova),
        Just(FaultStyle::Neutron),
        Just(FaultStyle::Cinder),
        Just(FaultStyle::Glance),
        Just(FaultStyle::Placement),
        Just(FaultStyle::Cloud),
    ]
}

fn header() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let name = prop_oneof![
        Just("x-auth-token"),
        Just("host"),
        Just("accept"),
        Just("content-type"),
        Just("content-length"),
        Just("openstack-api-version"),
        Just("x-openstack-nova-api-version"),
        Just("x-openstack-request-id"),
        Just("x-forwarded-host"),
        Just("x-forwarded-proto"),
    ];
    let value = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "(ann|compute [0-9.]{0,9}|[0-9]{0,20}|text/html;q=[0-9.]{0,4}, */*)".prop_map(String::into_bytes),
    ];
    (name, value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_request_is_answered(
        style in style(),
        method in "(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|BREW)",
        path in "/svc(/(things|json|who|params|upload|action|%[0-9A-F]{2}|%|//|[a-z\\u{e9}]{1,5}))*(\\?[ -~]{0,20})?",
        headers in proptest::collection::vec(header(), 0..6),
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut builder = Request::builder().method(method.as_str()).uri(path.as_str());
        for (name, value) in &headers {
            builder = builder.header(*name, value.as_slice());
        }
        // What the HTTP parser would not let through is not a request.
        let Ok(request) = builder.body(RawBody::from(body)) else { return Ok(()) };
        let mut spec = spec(style);
        spec.versioning = crate::service::micro(&["compute"], 2, 96);
        let router = routes().finish(spec, "state", deps(Tokens::default().with("ann", http::testkit::member_of("p", "ann", &[])), Arc::new(())));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (status, json, id, body) = runtime.block_on(async {
            let Ok(response) = router.oneshot(request).await;
            let status = response.status();
            let get = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
            let (json, id) = (get("content-type") == "application/json", get("x-openstack-request-id"));
            (status, json, id, response.into_body().collect().await.unwrap().to_bytes())
        });
        prop_assert!(status.as_u16() < 500, "{} {}", status, String::from_utf8_lossy(&body));
        prop_assert!(id.starts_with("req-"));
        if json && !body.is_empty() {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok(), "{:?}", body);
        }
    }

    #[test]
    fn any_json_is_judged(text in "[\\[\\]{}:,\"a-z0-9 .\\\\-]{0,60}") {
        let api = api(FaultStyle::Nova).token("ann");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(api.send("POST /svc/things", text.clone()));
        prop_assert!([201, 400].contains(&answer.status), "{} {:?}", text, answer);
    }
}
