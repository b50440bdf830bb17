//! Every route and every rule: nothing is open, nothing panics, nothing is forgotten.

use crate::support::World;
use network::api;
use policy::Enforcer;
use serde_json::json;
use std::collections::BTreeSet;

/// A path with an id of nothing in place of each variable.
fn concrete(path: &str) -> String {
    let nothing = "00000000-0000-0000-0000-000000000000";
    path.split('/').map(|s| if s.starts_with('{') { nothing } else { s }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn no_route_answers_without_a_token_or_fails() {
    let world = World::new().await;
    let routes = api::routes().routes(&api::service());
    assert!(routes.len() > 100, "{}", routes.len());
    for route in routes {
        let request = format!("{} {}", route.method, concrete(&route.path));
        let public = matches!(route.path.as_str(), "/network/" | "/network/v2.0");
        let answer = world.anonymous().call(&request, None).await;
        assert_eq!(answer.status, if public { 200 } else { 401 }, "{request}");
        for token in ["admin", "red-member", "red-reader", "service"] {
            for body in [None, Some(json!({})), Some(json!([1])), Some(json!({"network": null, "port": 7, "tags": 5}))]
            {
                let answer = world.anonymous().token(token).call(&request, body.clone()).await;
                assert!(answer.status < 500, "{request} by {token} with {body:?}: {}", answer.text());
            }
        }
    }
    world.audit_store().await;
}

/// Readers change nothing, whatever they ask for.
#[tokio::test]
async fn readers_change_nothing() {
    let world = World::new().await;
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    red.port(&network).await;
    red.make("router", json!({})).await;
    let before = world.store.snapshot().revision();
    let reader = world.client("red-reader");
    for list in ["networks", "subnets", "ports", "routers", "security-groups", "security-group-rules"] {
        for object in reader.list(list).await {
            let (path, key) = (format!("{list}/{}", object["id"].as_str().unwrap()), list.replace('-', "_"));
            let change = json!({key.trim_end_matches('s'): {"description": "x"}});
            for (request, body) in [(format!("PUT {path}"), Some(change)), (format!("DELETE {path}"), None)] {
                let status = reader.call(&request, body).await.status;
                assert!(matches!(status, 403 | 405), "{request}: {status}");
            }
        }
    }
    assert_eq!(world.store.snapshot().revision(), before);
}

/// Each rule guards an operation that the router serves.
#[test]
fn rules_and_routes_belong_together() {
    let routes = api::routes().routes(&api::service());
    let served: BTreeSet<_> = routes.iter().map(|r| (r.method, shape(r.path.trim_start_matches("/network")))).collect();
    for rule in network::policy::POLICY.rules.iter().copied().flatten() {
        for (method, path) in rule.ops {
            assert!(served.contains(&(*method, shape(path))), "{}: {method} {path} is not served", rule.name);
        }
    }
    assert!(Enforcer::new(&network::policy::POLICY).is_ok());
}

/// A path with all variables alike.
fn shape(path: &str) -> String {
    path.split('/').map(|s| if s.starts_with('{') { "{}" } else { s }).collect::<Vec<_>>().join("/")
}
