//! Who may: nothing without a token, nothing of others, nothing beyond one's role.

use crate::world::{Cloud, expect, id_of, new_server};
use compute::api::{route_list, versions::MAX};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A path with something in place of its variables.
fn filled(path: &str, server: &str) -> String {
    let fill = |part: &str| match part {
        "{server_id}" => server.to_owned(),
        part if part.starts_with('{') => "1".into(),
        part => part.to_owned(),
    };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

fn body_of(action: Option<&str>) -> Value {
    action.map_or_else(|| json!({}), |name| json!({ name: {} }))
}

#[tokio::test]
async fn without_a_token_there_are_only_version_documents() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let mut open = BTreeSet::new();
    for route in route_list() {
        let request = format!("{} {}", route.method, filled(&route.path, "x"));
        let answer = api.call(&request, body_of(route.action)).await;
        match answer.status {
            401 => {}
            200 => drop(open.insert(route.path)),
            other => panic!("{request}: {other}"),
        }
    }
    assert_eq!(open, ["/compute/", "/compute/v2", "/compute/v2.1"].map(str::to_owned).into());
}

#[tokio::test]
async fn another_projects_server_is_not_there() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let id = id_of(&expect(&api.token("member").call("POST /compute/v2.1/servers", new_server()).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    let other = api.token("other").with("openstack-api-version", &format!("compute {MAX}"));
    for route in route_list().into_iter().filter(|r| r.path.contains("{server_id}")) {
        let request = format!("{} {}", route.method, filled(&route.path, &id));
        let answer = other.call(&request, body_of(route.action)).await;
        // What is malformed or has left Nova is told before what is looked for; none of it tells that the server is there.
        assert!(matches!(answer.status, 400 | 404 | 410), "{request} {:?}: {}", route.action, answer.text());
    }
    let action = json!({"os-stop": null});
    let text = format!("Instance {id} could not be found.");
    let refused = other.call(&format!("POST /compute/v2.1/servers/{id}/action"), action).await;
    assert_eq!(expect(&refused, 404)["itemNotFound"]["message"], text);
    assert_eq!(expect(&other.call("GET /compute/v2.1/servers", None).await, 200)["servers"], json!([]));
    cloud.reach(&id, "ACTIVE").await;
}

#[tokio::test]
async fn readers_read_and_members_do_not_administer() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let id = id_of(&expect(&api.token("member").call("POST /compute/v2.1/servers", new_server()).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    let check = async |who: &str, request: &str, body: Value, status: u16| {
        let answer = api.token(who).with("openstack-api-version", "compute 2.79").call(request, body).await;
        assert_eq!(answer.status, status, "{who} {request}: {}", answer.text());
    };
    let action = format!("POST /compute/v2.1/servers/{id}/action");
    let mut server = new_server();
    server["server"]["networks"] = "none".into();
    for (request, body) in [
        (action.as_str(), json!({"os-stop": null})),
        (&action, json!({"createImage": {"name": "x"}})),
        ("POST /compute/v2.1/servers", server),
        (&format!("DELETE /compute/v2.1/servers/{id}"), json!({})),
        (&format!("PUT /compute/v2.1/servers/{id}"), json!({"server": {"name": "x"}})),
        (&format!("DELETE /compute/v2.1/servers/{id}/tags/x"), json!({})),
        ("POST /compute/v2.1/os-server-groups", json!({"server_group": {"name": "g", "policy": "affinity"}})),
    ] {
        check("reader", request, body, 403).await;
    }
    for (request, body) in [
        ("POST /compute/v2.1/flavors", json!({"flavor": {"name": "f", "ram": 1, "vcpus": 1, "disk": 1}})),
        ("DELETE /compute/v2.1/flavors/42", json!({})),
        ("GET /compute/v2.1/os-services", json!({})),
        ("GET /compute/v2.1/os-hypervisors", json!({})),
        ("GET /compute/v2.1/os-aggregates", json!({})),
        ("GET /compute/v2.1/os-availability-zone/detail", json!({})),
        ("PUT /compute/v2.1/os-quota-sets/p1", json!({"quota_set": {"cores": 1}})),
        ("GET /compute/v2.1/os-quota-class-sets/default", json!({})),
        ("GET /compute/v2.1/os-simple-tenant-usage", json!({})),
        ("GET /compute/v2.1/limits?tenant_id=p2", json!({})),
        ("GET /compute/v2.1/os-keypairs?user_id=ann", json!({})),
        (
            "POST /compute/v2.1/os-server-external-events",
            json!({"events": [{"name": "network-changed", "server_uuid": id}]}),
        ),
        (&action, json!({"os-resetState": {"state": "error"}})),
    ] {
        check("member", request, body, 403).await;
    }
    let message = api.token("reader").call(&action, json!({"os-stop": null})).await.json();
    assert_eq!(message["forbidden"]["message"], "Policy doesn't allow os_compute_api:servers:stop to be performed.");
    check("reader", &format!("GET /compute/v2.1/servers/{id}"), json!({}), 200).await;
    check("admin", &format!("GET /compute/v2.1/servers/{id}"), json!({}), 200).await;
    let event = json!({"events": [{"name": "network-changed", "server_uuid": id}]});
    check("service", "POST /compute/v2.1/os-server-external-events", event, 200).await;
}

#[tokio::test]
async fn old_addresses_lead_to_the_same_api() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("x-openstack-nova-api-version", "2.55");
    let project = "0123456789abcdef0123456789abcdef";
    for path in ["/compute/v2.1/flavors", &format!("/compute/v2.1/{project}/flavors")] {
        let answer = member.call(&format!("GET {path}"), None).await;
        assert_eq!(answer.header("x-openstack-nova-api-version"), "2.55", "{path}");
        assert!(expect(&answer, 200)["flavors"][0].get("description").is_some(), "{path}");
    }
    // A slash at the end is a name that is empty.
    for request in ["GET /compute/v2.1/flavors/", "DELETE /compute/v2.1/os-security-groups/"] {
        expect(&member.call(request, None).await, 404);
    }
    let answer = member.call("GET /compute/v2/flavors", None).await;
    assert!(expect(&answer, 200)["flavors"][0].get("description").is_none(), "v2 knows no microversions");
    let versions = expect(&api.call("GET /compute/", None).await, 200);
    let told: Vec<_> = versions["versions"].as_array().unwrap().iter().map(|v| (&v["id"], &v["version"])).collect();
    assert_eq!(told, [(&json!("v2.0"), &json!("")), (&json!("v2.1"), &json!("2.104"))]);
    for path in ["/compute", "/compute/v2", "/compute/v2/", "/compute/v2.1", "/compute/v2.1/"] {
        expect(&api.call(&format!("GET {path}"), None).await, 200);
    }
    let one = expect(&api.call("GET /compute/v2.1/", None).await, 200);
    assert_eq!(one["version"]["links"][0]["href"], "http://cloud.test:5000/compute/v2.1/");
}

/// No route is served that no test calls by its own name; the coverage of actions is in `requests`.
#[test]
fn every_rule_guards_a_route_that_is_served() {
    let served: BTreeSet<(String, String)> = route_list()
        .into_iter()
        .map(|r| (r.method.to_owned(), r.path.trim_start_matches("/compute/v2.1").to_owned()))
        .collect();
    let shape = |path: &str| {
        let parts = path.trim_end_matches('/').split('/');
        parts.map(|p| if p.starts_with('{') { "{}" } else { p }).collect::<Vec<_>>().join("/")
    };
    let shapes: BTreeSet<_> = served.iter().map(|(method, path)| (method.clone(), shape(path))).collect();
    for rule in compute::policy::POLICY.rules.iter().copied().flatten() {
        let guards = rule.ops.iter().any(|(method, path)| shapes.contains(&((*method).to_owned(), shape(path))));
        assert!(guards, "{} guards nothing that is served: {:?}", rule.name, rule.ops);
    }
}
