//! Who may do what: personas, creators, access lists.

use crate::world::{World, expect, refused};
use serde_json::{Value, json};

const SECRETS: &str = "/key-manager/v1/secrets";
const WHO: &[&str] = &["admin", "mia", "max", "ray", "oli", "boss", "system"];

/// The personas that are let, of all.
async fn let_in(w: &World, request: &str, body: Option<Value>) -> Vec<&'static str> {
    let mut who = Vec::new();
    for name in WHO {
        let answer = w.as_(name).call(request, body.clone()).await;
        match answer.status {
            403 => {}
            status if status < 300 => who.push(*name),
            _ => panic!("{name} {request}: {}", answer.text()),
        }
    }
    who
}

#[tokio::test]
async fn a_projects_members_share_and_an_access_list_says_otherwise() {
    let w = World::new().await;
    let secret = w.passphrase("mia", "x").await;
    let (show, payload) = (format!("GET {SECRETS}/{secret}"), format!("GET {SECRETS}/{secret}/payload"));
    let acl = format!("{SECRETS}/{secret}/acl");
    assert_eq!(let_in(&w, &format!("GET {SECRETS}"), None).await, ["admin", "mia", "max", "oli", "boss"]);
    assert_eq!(let_in(&w, &show, None).await, ["admin", "mia", "max", "boss"]);
    assert_eq!(
        let_in(&w, &payload, None).await,
        ["admin", "mia", "max"],
        "another project's administrator does not read"
    );
    assert_eq!(let_in(&w, &format!("GET {acl}"), None).await, ["admin", "mia", "max"]);
    let default = expect(&w.as_("mia").call(&format!("GET {acl}"), None).await, 200);
    assert_eq!(default, json!({"read": {"project-access": true}}));

    let private = json!({"read": {"users": ["oli"], "project-access": false}});
    let put = expect(&w.as_("mia").call(&format!("PUT {acl}"), private).await, 200);
    assert_eq!(put["acl_ref"], format!("http://cloud.test:5000{acl}"));
    assert_eq!(let_in(&w, &show, None).await, ["admin", "mia", "oli", "boss"]);
    assert_eq!(let_in(&w, &payload, None).await, ["admin", "mia", "oli"]);
    assert_eq!(let_in(&w, &format!("GET {acl}"), None).await, ["admin", "mia"]);
    let listed = expect(&w.as_("oli").call(&format!("GET {SECRETS}?acl_only=true"), None).await, 200);
    assert_eq!(listed["total"], 1);

    expect(&w.as_("mia").call(&format!("PATCH {acl}"), json!({"read": {"users": []}})).await, 200);
    assert_eq!(let_in(&w, &payload, None).await, ["admin", "mia"], "still private");
    let emptied = w.as_("mia").call(&format!("DELETE {acl}"), None).await;
    assert_eq!((emptied.status, emptied.text().as_str()), (200, "null"));
    assert_eq!(let_in(&w, &payload, None).await, ["admin", "mia", "max"]);
    refused(&w.as_("mia").call(&format!("PUT {acl}"), json!({"write": {}})).await, 400, "schema 'ACL'");
}

/// The CVE-2022-3100 of Barbican: what the query says is no part of what the policy is asked about.
#[tokio::test]
async fn a_query_does_not_decide() {
    let w = World::new().await;
    let secret = w.passphrase("mia", "x").await;
    let asked = format!("GET {SECRETS}/{secret}/payload?target.secret.read=read");
    refused(&w.as_("oli").call(&asked, None).await, 403, "Secret payload retrieval attempt not allowed");
}

#[tokio::test]
async fn storing_and_deleting() {
    let w = World::new().await;
    assert_eq!(let_in(&w, &format!("POST {SECRETS}"), Some(json!({}))).await, ["admin", "mia", "max", "oli", "boss"]);
    for who in WHO {
        let secret = w.passphrase("mia", "x").await;
        let status = w.as_(who).call(&format!("DELETE {SECRETS}/{secret}"), None).await.status;
        let may = ["admin", "mia", "max", "boss"].contains(who);
        assert_eq!(status, if may { 204 } else { 403 }, "{who}");
    }
    let nowhere = format!("GET {SECRETS}/11111111-1111-4111-8111-111111111111");
    refused(&w.as_("mia").call(&nowhere, None).await, 404, "Secret not found");
}
