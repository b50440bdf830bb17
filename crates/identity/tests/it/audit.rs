//! What leaves an event, and that it reads as Keystone's CADF notifications do.

use crate::{
    cloud::Cloud,
    personas::{PERSONAS, filled, rows, world::World},
};
use http::testkit::{Answer, Api};
use serde_json::{Value, json};

/// A row of the matrix done by the first persona that may; `None` if nobody may.
async fn done(world: &mut World, row: &rows::Row, by: &[usize]) -> Option<Answer> {
    for at in by {
        let objects = world.objects(&format!("{} {} {}", row.request, row.body, row.before)).await;
        if !row.before.is_empty() {
            let before = filled(row.before, &objects).replacen(" /v3", " /identity/v3", 1);
            assert!(world.admin.call(&before, None).await.status < 300, "{before}");
        }
        let body: Value = serde_json::from_str(&filled(&row.body.to_string(), &objects)).unwrap();
        let subject = world.apis[*at].with("x-subject-token", &world.cloud.admin_token().await);
        let request = filled(row.request, &objects).replacen(" /", " /identity/", 1);
        let api: &Api = if request.contains("/auth/tokens") { &subject } else { &world.apis[*at] };
        let answer = api.call(&request, (!body.is_null()).then_some(body)).await;
        if answer.status < 300 {
            return Some(answer);
        }
    }
    None
}

/// The events of one request, by its id.
async fn events(cloud: &Cloud, answer: &Answer) -> Vec<Value> {
    let all = cloud.identity.store().history("audit", None, 100_000, store::Order::NewestFirst).await.unwrap();
    let id = answer.header("x-openstack-request-id");
    all.into_iter().map(|entry| entry.record).filter(|event| event["initiator"]["request_id"] == id.as_str()).collect()
}

#[tokio::test]
async fn whatever_changes_something_leaves_an_event() {
    let mut world = World::new().await;
    let personas: Vec<usize> = (0..PERSONAS.len()).collect();
    for row in rows::all() {
        if row.request.starts_with("GET") || row.request.starts_with("HEAD") {
            continue;
        }
        let Some(answer) = done(&mut world, &row, &personas).await else { continue };
        let events = events(&world.cloud, &answer).await;
        assert!(!events.is_empty(), "{} left no event", row.request);
        for event in events {
            assert_eq!(event["typeURI"], "http://schemas.dmtf.org/cloud/audit/1.0/event", "{event}");
            assert_eq!((&event["eventType"], &event["outcome"]), (&json!("activity"), &json!("success")), "{event}");
            assert_eq!(event["initiator"]["typeURI"], "service/security/account/user", "{event}");
            assert_eq!(event["initiator"]["id"], event["initiator"]["user_id"], "{event}");
            assert!(event["initiator"]["username"].is_string(), "{event}");
            assert_eq!(event["observer"]["typeURI"], "service/security", "{event}");
        }
    }
}

/// Action and type of the target of what Keystone notifies about.
#[rustfmt::skip]
const KEYSTONES: &[(&str, &str, &str)] = &[
    ("POST /v3/users", "created.user", "data/security/account/user"),
    ("PATCH /v3/users/<USER>", "updated.user", "data/security/account/user"),
    ("DELETE /v3/users/<USER>", "deleted.user", "data/security/account/user"),
    ("POST /v3/users/<USER>/password", "updated.user", "data/security/account/user"),
    ("POST /v3/groups", "created.group", "data/security/group"),
    ("PUT /v3/groups/<GROUP>/users/<USER>", "updated.group", "data/security/group"),
    ("DELETE /v3/groups/<GROUP>/users/<USER>", "updated.group", "data/security/group"),
    ("DELETE /v3/groups/<GROUP>", "deleted.group", "data/security/group"),
    ("POST /v3/projects", "created.project", "data/security/project"),
    ("PATCH /v3/projects/<PROJECT>", "updated.project", "data/security/project"),
    ("DELETE /v3/projects/<PROJECT>", "deleted.project", "data/security/project"),
    ("POST /v3/domains", "created.domain", "data/security/domain"),
    ("PATCH /v3/domains/<DOMAIN>", "updated.domain", "data/security/domain"),
    ("DELETE /v3/domains/<DOMAIN>", "deleted.domain", "data/security/domain"),
    ("POST /v3/roles", "created.role", "data/security/role"),
    ("PATCH /v3/roles/<ROLE>", "updated.role", "data/security/role"),
    ("DELETE /v3/roles/<ROLE>", "deleted.role", "data/security/role"),
    ("PUT /v3/projects/<PROJECT>/users/<USER>/roles/<READER>", "created.role_assignment", "service/security/account/user"),
    ("DELETE /v3/projects/<PROJECT>/users/<USER>/roles/<READER>", "deleted.role_assignment", "service/security/account/user"),
    ("PUT /v3/system/groups/<GROUP>/roles/<READER>", "created.role_assignment", "service/security/account/user"),
    ("POST /v3/regions", "created.region", "data/security/region"),
    ("DELETE /v3/regions/<REGION>", "deleted.region", "data/security/region"),
    ("POST /v3/services", "created.service", "data/security/service"),
    ("PATCH /v3/services/<SERVICE>", "updated.service", "data/security/service"),
    ("POST /v3/endpoints", "created.endpoint", "data/security/endpoint"),
    ("DELETE /v3/endpoints/<ENDPOINT>", "deleted.endpoint", "data/security/endpoint"),
    ("POST /v3/policies", "created.policy", "data/security/policy"),
    ("POST /v3/credentials", "created.credential", "unknown"),
    ("POST /v3/users/<MEMBER>/application_credentials", "created.application_credential", "data/security/credential"),
    ("POST /v3/OS-TRUST/trusts", "created.OS-TRUST:trust", "data/security/trust"),
    ("POST /v3/OS-OAUTH1/consumers", "created.OS-OAUTH1:consumer", "data/security/account"),
    ("DELETE /v3/OS-OAUTH1/consumers/<CONSUMER>", "deleted.OS-OAUTH1:consumer", "data/security/account"),
    ("POST /v3/auth/tokens", "authenticate", "service/security/account/user"),
];

#[tokio::test]
async fn events_have_keystones_names() {
    let mut world = World::new().await;
    let rows = rows::all();
    let member = PERSONAS.iter().position(|(name, ..)| *name == "member").unwrap();
    for (request, action, type_uri) in KEYSTONES {
        let row = rows.iter().find(|row| row.request == *request).unwrap_or_else(|| panic!("no row {request}"));
        let answer = done(&mut world, row, &[0, member]).await.unwrap_or_else(|| panic!("{request}"));
        let found = events(&world.cloud, &answer).await;
        let told: Vec<_> = found.iter().map(|e| (e["action"].as_str(), e["target"]["typeURI"].as_str())).collect();
        // A change of one's own password is a login too.
        assert!(told.contains(&(Some(*action), Some(*type_uri))), "{request}: {told:?}");
        if action.ends_with("role_assignment") {
            assert!(found[0]["role"].is_string() && found[0]["inherited_to_projects"] == false, "{}", found[0]);
            assert!(found[0]["user"].is_string() != found[0]["group"].is_string(), "{}", found[0]);
        }
    }
}
