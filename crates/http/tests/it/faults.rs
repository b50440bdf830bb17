//! Every style × every kind, as the table a reviewer can hold against the real services' answers.

use crate::service::{KINDS, api};
use http::{
    FaultStyle,
    testkit::{Answer, Api},
};
use std::fmt::Write;

const STYLES: [FaultStyle; 7] = [
    FaultStyle::Keystone,
    FaultStyle::Nova,
    FaultStyle::Neutron,
    FaultStyle::Cinder,
    FaultStyle::Glance,
    FaultStyle::Placement,
    FaultStyle::Cloud,
];

/// An answer in one line, the parts that differ from run to run replaced.
fn line(answer: &Answer) -> String {
    let id = answer.header("x-openstack-request-id");
    let mut headers = String::new();
    for name in ["content-type", "retry-after", "www-authenticate", "allow"] {
        let value = answer.header(name);
        if !value.is_empty() && value != "application/json" {
            let _ = write!(headers, " [{name}: {value}]");
        }
    }
    assert!(id.starts_with("req-"), "{answer:?}");
    format!("{}{headers} {}", answer.status, answer.text().replace(&id, "REQ").replace('\n', "⏎"))
}

async fn table(kinds: impl Iterator<Item = &'static str> + Clone, of: impl Fn(FaultStyle) -> Api) -> String {
    let mut table = String::new();
    for style in STYLES {
        let api = of(style).token("ann");
        let _ = writeln!(table, "{style:?}");
        for kind in kinds.clone() {
            let answer = api.call(&format!("GET /svc/fail/{kind}"), None).await;
            assert!(!answer.text().contains("secret"), "{answer:?}");
            let _ = writeln!(table, "  {kind}: {}", line(&answer));
        }
    }
    table
}

#[tokio::test]
async fn every_style_and_kind() {
    let kinds = KINDS.iter().map(|(name, _)| *name);
    insta::assert_snapshot!("faults", table(kinds, |style| api(style).with("accept", "application/json")).await);
}

#[tokio::test]
async fn glance_answers_by_accept_and_neutron_by_code() {
    let ann = api(FaultStyle::Glance).token("ann");
    let mut table = String::new();
    for accept in ["*/*", "application/json", "image/png"] {
        let answer = ann.with("accept", accept).call("GET /svc/fail/conflict", None).await;
        let _ = writeln!(table, "{accept}: {}", line(&answer));
    }
    let neutron = api(FaultStyle::Neutron).token("ann").call("GET /svc/fail/else", None).await;
    let _ = writeln!(table, "{}", line(&neutron));
    insta::assert_snapshot!("negotiated", table);
}

#[tokio::test]
async fn what_no_handler_answers_is_in_style_too() {
    let mut table = String::new();
    for style in STYLES {
        let api = api(style).with("accept", "application/json");
        let ann = api.token("ann");
        for (what, answer) in [
            ("no token", api.call("GET /svc/who", None).await),
            ("no such path", ann.call("GET /svc/nothing", None).await),
            ("no such method", ann.call("PATCH /svc/things/1", None).await),
            ("panic", ann.call("GET /svc/panic", None).await),
            ("not JSON", ann.send("POST /svc/json", "{\"a\": ").await),
            ("axum's own refusal", ann.call("GET /svc/extension", None).await),
        ] {
            assert!(!answer.text().contains("secret"), "{answer:?}");
            let _ = writeln!(table, "{style:?} {what}: {}", line(&answer));
        }
    }
    insta::assert_snapshot!("unhandled", table);
}
