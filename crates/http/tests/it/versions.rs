//! Microversion negotiation, case by case, over the whole pipeline.

use crate::service::{micro, router, spec};
use http::{FaultStyle, Micro, ServiceSpec, Versioning, X_OPENSTACK_NOVA_API_VERSION, testkit::Api};
use kernel::Microversion;

fn nova() -> ServiceSpec {
    let versioning = Versioning::Micro(Micro {
        service_types: &["compute", "nova"],
        legacy: Some(X_OPENSTACK_NOVA_API_VERSION),
        min: Microversion::new(2, 1),
        max: Microversion::new(2, 96),
        default: Microversion::new(2, 1),
    });
    ServiceSpec { versioning, ..spec(FaultStyle::Nova) }
}

/// `Ok`: the version spoken; `Err`: status and message.
async fn ask(spec: ServiceSpec, headers: &[(&str, &str)]) -> (u16, String, String) {
    let mut api = Api::new(router(spec)).token("ann");
    for (name, value) in headers {
        api = api.with(name, value);
    }
    let answer = api.call("GET /svc/who", None).await;
    let json = answer.json();
    let fault = json.as_object().and_then(|o| o.values().next()).and_then(|f| f["message"].as_str());
    let text =
        json["version"].as_str().or(fault).or(json["errors"][0]["detail"].as_str()).unwrap_or_default().to_owned();
    (answer.status, text, answer.header("openstack-api-version"))
}

#[tokio::test]
async fn nova_negotiates() {
    const MALFORMED: &str = "API Version String 2.x is of invalid format. Must be of format MajorNum.MinorNum.";
    const BEYOND: &str = "Version 2.97 is not supported by the API. Minimum is 2.1 and maximum is 2.96.";
    const BELOW: &str = "Version 2.0 is not supported by the API. Minimum is 2.1 and maximum is 2.96.";
    const ZERO: &str = "API Version String 0.9 is of invalid format. Must be of format MajorNum.MinorNum.";
    let new = "OpenStack-API-Version";
    let old = "X-OpenStack-Nova-API-Version";
    let cases: &[(&[(&str, &str)], (u16, &str, &str))] = &[
        (&[], (200, "2.1", "compute 2.1")),
        (&[(new, "compute 2.90")], (200, "2.90", "compute 2.90")),
        (&[(new, "nova 2.90")], (200, "2.90", "compute 2.90")),
        (&[(new, "COMPUTE  2.90 ")], (200, "2.90", "compute 2.90")),
        (&[(new, "compute latest")], (200, "2.96", "compute 2.96")),
        (&[(new, "volume 3.5")], (200, "2.1", "compute 2.1")),
        (&[(new, "volume 3.5, compute 2.9")], (200, "2.9", "compute 2.9")),
        (&[(new, "compute 2.3, compute 2.9")], (200, "2.9", "compute 2.9")),
        (&[(new, "2.9")], (200, "2.1", "compute 2.1")),
        (&[(old, "2.12")], (200, "2.12", "compute 2.12")),
        (&[(old, "latest")], (200, "2.96", "compute 2.96")),
        (&[(old, "2.12"), (new, "compute 2.13")], (200, "2.13", "compute 2.13")),
        (&[(old, "2.12"), (new, "volume 3.1")], (200, "2.12", "compute 2.12")),
        (&[(old, "")], (200, "2.1", "compute 2.1")),
        (&[(new, "compute 2.97")], (406, BEYOND, "")),
        (&[(new, "compute 2.0")], (406, BELOW, "")),
        (&[(new, "compute 2.x")], (400, MALFORMED, "")),
        (&[(old, "2.x")], (400, MALFORMED, "")),
        (&[(new, "compute 0.9")], (400, ZERO, "")),
    ];
    for (headers, (status, text, spoken)) in cases {
        let got = ask(nova(), headers).await;
        assert_eq!(got, (*status, (*text).to_owned(), (*spoken).to_owned()), "{headers:?}");
    }
}

#[tokio::test]
async fn answers_name_the_version_and_what_they_vary_on() {
    let api = Api::new(router(nova())).token("ann").with("OpenStack-API-Version", "compute 2.90");
    for request in ["GET /svc/who", "GET /svc/fail/not_found", "GET /svc/nothing", "GET /svc/panic"] {
        let answer = api.call(request, None).await;
        assert_eq!(answer.header("openstack-api-version"), "compute 2.90", "{request}");
        assert_eq!(answer.header("x-openstack-nova-api-version"), "2.90", "{request}");
        assert_eq!(answer.header("vary"), "OpenStack-API-Version, X-OpenStack-Nova-API-Version", "{request}");
    }
}

#[tokio::test]
async fn a_token_is_asked_for_before_the_version() {
    let api = Api::new(router(nova())).with("OpenStack-API-Version", "compute 9.9");
    assert_eq!(api.call("GET /svc/who", None).await.status, 401);
    assert_eq!(api.call("GET /svc/", None).await.status, 200, "version documents answer whatever is asked");
}

#[tokio::test]
async fn placement_words_it_its_way() {
    let spec = || ServiceSpec { versioning: micro(&["placement"], 1, 39), ..spec(FaultStyle::Placement) };
    let api = Api::new(router(spec())).token("ann");
    let beyond = api.with("openstack-api-version", "placement 1.40").call("GET /svc/who", None).await;
    let error = &beyond.json()["errors"][0];
    assert_eq!(beyond.status, 406);
    assert_eq!(error["detail"], "Invalid microversion: Unacceptable version header: 1.40");
    assert_eq!((&error["min_version"], &error["max_version"]), (&"1.1".into(), &"1.39".into()));
    assert_eq!(error["request_id"], beyond.header("x-openstack-request-id"));
    let malformed = ask(spec(), &[("openstack-api-version", "placement one")]).await;
    assert_eq!(malformed.0, 400);
    assert_eq!(malformed.1, "Invalid microversion: invalid version string: one");

    let code = async |version: &str| {
        let answer = api.with("openstack-api-version", version).call("GET /svc/fail/conflict", None).await;
        answer.json()["errors"][0]["code"].clone()
    };
    assert_eq!(code("placement 1.22").await, serde_json::Value::Null, "codes came with 1.23");
    assert_eq!(code("placement 1.23").await, "placement.undefined_code");
}

#[tokio::test]
async fn unversioned_services_ignore_the_header() {
    let answer = ask(spec(FaultStyle::Keystone), &[("openstack-api-version", "compute x")]).await;
    assert_eq!(answer, (200, "0.0".into(), String::new()));
}
