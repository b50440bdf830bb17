//! How long what people write may be, in characters and not in octets, and that ids of 64 characters go everywhere.

use crate::cloud::{Calls, Cloud, PASSWORD, on_domain};
use serde_json::{Value, json};

/// A request whose body has a text of so many characters at the path; beyond the limit that path is named.
const LIMITS: &[(&str, &str, usize)] = &[
    ("POST /users", "user/name", 255),
    ("POST /groups", "group/name", 255),
    ("POST /projects", "project/name", 64),
    ("POST /domains", "domain/name", 64),
    ("POST /roles", "role/name", 255),
    ("POST /regions", "region/id", 255),
    ("POST /services", "service/type", 255),
    ("POST /services", "service/name", 255),
    ("POST /endpoints", "endpoint/url", 225),
    ("POST /policies", "policy/type", 255),
    ("POST /OS-EP-FILTER/endpoint_groups", "endpoint_group/name", 255),
    ("POST /users/<ADMIN>/application_credentials", "application_credential/name", 255),
    ("POST /registered_limits", "registered_limits/0/resource_name", 255),
    ("PUT /OS-FEDERATION/identity_providers/i", "identity_provider/remote_ids/0", 64),
    ("PUT /OS-FEDERATION/service_providers/s", "service_provider/sp_url", 225),
    ("PUT /projects/<PROJECT>/tags", "tags/0", 255),
];

/// A body that is right but for the text.
fn body(path: &str, text: &str, service: &str) -> Value {
    let (key, _) = path.split_once('/').unwrap();
    let mut body = match key {
        "service" => json!({"service": {"type": "t"}}),
        "endpoint" => json!({"endpoint": {"interface": "public", "service_id": service, "url": "http://x"}}),
        "policy" => json!({"policy": {"blob": "b", "type": "t"}}),
        "registered_limits" => {
            json!({"registered_limits": [{"service_id": service, "resource_name": "r", "default_limit": 1}]})
        }
        "endpoint_group" => json!({"endpoint_group": {"name": "n", "filters": {"interface": "public"}}}),
        "identity_provider" => json!({"identity_provider": {"remote_ids": [""]}}),
        "service_provider" => json!({"service_provider": {"auth_url": "http://x", "sp_url": "http://x"}}),
        "tags" => json!({"tags": [""]}),
        _ => json!({key: {}}),
    };
    let (around, last) = path.rsplit_once('/').unwrap();
    let place = body.pointer_mut(&format!("/{around}")).unwrap();
    match last.parse::<usize>() {
        Ok(at) => place[at] = json!(text),
        Err(_) => place[last] = json!(text),
    }
    body
}

#[tokio::test]
async fn texts_have_keystones_limits() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let shown = admin.expect(200, "GET /users?name=admin", None).await;
    let user = shown["users"][0]["id"].as_str().unwrap();
    let service = admin.create("service", json!({"type": "t"})).await;
    let project = admin.create("project", json!({"name": "p"})).await;
    for (request, path, limit) in LIMITS {
        let request = request.replace("<ADMIN>", user).replace("<PROJECT>", &project);
        let (begin, letter) = if path.ends_with("url") { ("http://", "x") } else { ("", "😀") };
        let text = |length: usize| format!("{begin}{}", letter.repeat(length - begin.len()));
        let request = request.replacen(" /", " /identity/v3/", 1);
        let call = |length: usize| admin.call(&request, body(path, &text(length), &service));
        let refused = call(limit + 1).await;
        assert_eq!(refused.status, 400, "{request} {path}");
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&format!("'{path}'")) && message.contains("too long"), "{path}: {message}");
        let taken = call(*limit).await;
        assert!(taken.status < 300, "{request} {path}: {}", taken.text());
    }
}

/// Directories have users with ids of 64 hex digits: they are ids here, of nobody yet, and one more digit makes none.
#[tokio::test]
async fn ids_of_64_characters_are_ids() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let id = "0123456789abcdef".repeat(4);
    let longer = format!("{id}0");
    let user = |domain: &str| json!({"user": {"name": "u", "domain_id": domain}});
    admin.expect(404, "POST /users", user(&id)).await;
    let refused = admin.expect(400, "POST /users", user(&longer)).await;
    assert!(refused.to_string().contains("user/domain_id"), "{refused}");
    let role = admin.role("member").await;
    admin.expect(404, &format!("GET /users/{id}"), None).await;
    admin.expect(404, &format!("PUT /domains/default/users/{id}/roles/{role}"), None).await;
    let login = cloud.authenticate(json!({"identity": {"methods": ["password"],
        "password": {"user": {"id": id, "password": PASSWORD}}}}));
    assert_eq!(login.await.status, 401);
}

#[tokio::test]
async fn names_are_any_text() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let name = "ünï 😀 \u{202e}日本語";
    let domain = admin.create("domain", json!({"name": name})).await;
    let new = json!({"name": name, "domain_id": domain, "password": PASSWORD});
    let user = admin.create("user", new).await;
    let role = admin.role("admin").await;
    admin.expect(204, &format!("PUT /domains/{domain}/users/{user}/roles/{role}"), None).await;
    let who = json!({"user": {"name": name, "domain": {"name": name}, "password": PASSWORD}});
    let auth = json!({"identity": {"methods": ["password"], "password": who}, "scope": on_domain(&domain)});
    let answer = cloud.authenticate(auth).await;
    assert_eq!(answer.json()["token"]["domain"]["name"], name, "{}", answer.text());
    let own = cloud.api.token(&crate::cloud::token_of(&answer));
    let listed = own.expect(200, &format!("GET /users?domain_id={domain}&name__contains=%F0%9F%98%80"), None).await;
    assert_eq!(listed["users"][0]["name"], name);
}
