use crate::cloud::{Calls, Cloud, PASSWORD, by_token, on_domain, on_project_id, on_system, token_of};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_token_given_back_is_void_and_so_are_its_children() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let first = cloud.token("admin", PASSWORD, json!("unscoped")).await;
    let second = token_of(&cloud.authenticate(by_token(&first, on_system())).await);
    let own = cloud.api.token(&first).with("x-subject-token", &first);
    own.expect(204, "DELETE /auth/tokens", None).await;
    for token in [&first, &second] {
        cloud.api.token(token).expect(401, "GET /auth/projects", None).await;
        admin.with("x-subject-token", token).expect(404, "GET /auth/tokens", None).await;
    }
    assert_eq!(cloud.authenticate(by_token(&second, Value::Null)).await.status, 404);
    let first = cloud.token("admin", PASSWORD, json!("unscoped")).await;
    let second = token_of(&cloud.authenticate(by_token(&first, on_system())).await);
    let own = cloud.api.token(&first).with("x-subject-token", &first);
    own.expect(204, "DELETE /auth/tokens?cascade=false", None).await;
    cloud.api.token(&first).expect(401, "GET /auth/projects", None).await;
    cloud.api.token(&second).expect(200, "GET /auth/projects", None).await;
}

#[tokio::test]
async fn what_is_taken_counts_from_the_next_request_on() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let user = admin.user("ann").await;
    let project = admin.create("project", json!({"name": "p"})).await;
    let place = format!("projects/{project}/users/{user}");
    let role = admin.role("member").await;
    admin.grant(&place, "member").await;
    let ann = cloud.as_user("ann", on_project_id(&project)).await;
    let works = |status: u16| {
        let ann = &ann;
        async move {
            ann.expect(status, "GET /auth/projects", None).await;
        }
    };
    works(200).await;
    admin.expect(204, &format!("DELETE /{place}/roles/{role}"), None).await;
    works(401).await;
    admin.grant(&place, "reader").await;
    works(200).await;
    for (path, key) in [(format!("projects/{project}"), "project"), ("domains/default".into(), "domain")] {
        if key == "project" {
            admin.expect(200, &format!("PATCH /{path}"), json!({key: {"enabled": false}})).await;
            works(401).await;
            admin.expect(200, &format!("PATCH /{path}"), json!({key: {"enabled": true}})).await;
            works(200).await;
        }
    }
    cloud.clock.advance(Duration::from_secs(1));
    admin.expect(200, &format!("PATCH /users/{user}"), json!({"user": {"enabled": false}})).await;
    works(401).await;
    admin.expect(200, &format!("PATCH /users/{user}"), json!({"user": {"enabled": true}})).await;
    works(401).await;
    cloud.clock.advance(Duration::from_secs(1));
    let ann = cloud.as_user("ann", on_project_id(&project)).await;
    ann.expect(200, "GET /auth/projects", None).await;
    cloud.clock.advance(Duration::from_secs(1));
    ann.expect(204, &format!("DELETE /users/{user}/tokens"), None).await;
    ann.expect(401, "GET /auth/projects", None).await;
    cloud.clock.advance(Duration::from_secs(1));
    let ann = cloud.as_user("ann", on_project_id(&project)).await;
    admin.expect(204, &format!("DELETE /users/{user}"), None).await;
    ann.expect(401, "GET /auth/projects", None).await;
}

#[tokio::test]
async fn a_disabled_domain_ends_the_tokens_of_its_users_and_projects() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let domain = admin.create("domain", json!({"name": "d"})).await;
    let user = admin.create("user", json!({"name": "ann", "domain_id": domain, "password": PASSWORD})).await;
    admin.grant(&format!("domains/{domain}/users/{user}"), "admin").await;
    let auth = json!({"identity": {"methods": ["password"], "password": {"user": {"id": user, "password": PASSWORD}}},
        "scope": on_domain(&domain)});
    let answer = cloud.authenticate(auth.clone()).await;
    let ann = cloud.api.token(&token_of(&answer));
    assert_eq!(answer.json()["token"]["domain"], json!({"id": domain, "name": "d"}));
    ann.expect(200, "GET /users", None).await;
    admin.expect(200, &format!("PATCH /domains/{domain}"), json!({"domain": {"enabled": false}})).await;
    ann.expect(401, "GET /users", None).await;
    assert_eq!(cloud.authenticate(auth).await.status, 401);
}

#[tokio::test]
async fn keys_rotate_under_tokens_that_stay_valid() {
    use identity::{model::Purpose, ops::keys::rotate};
    let cloud = Cloud::new().await;
    let token = cloud.token("admin", PASSWORD, on_system()).await;
    for _ in 0..3 {
        rotate(&cloud.identity, Purpose::Tokens).await.unwrap();
        cloud.api.token(&token).expect(200, "GET /users", None).await;
        let newer = cloud.token("admin", PASSWORD, on_system()).await;
        cloud.api.token(&newer).expect(200, "GET /users", None).await;
    }
    for keeper in identity::reconcilers(&cloud.identity) {
        keeper.reconcile().await.unwrap();
    }
    cloud.api.token(&token).expect(200, "GET /users", None).await;
    let keys = || cloud.identity.store().snapshot().get::<identity::model::KeyRing>("tokens").unwrap().keys.len();
    assert_eq!(keys(), 5);
    cloud.clock.advance(Duration::from_secs(50 * 3600));
    for keeper in identity::reconcilers(&cloud.identity) {
        keeper.reconcile().await.unwrap();
    }
    assert_eq!(keys(), 3, "rotated by age, and the keys that no valid token needs are gone");
    cloud.api.token(&token).expect(401, "GET /users", None).await;
}

#[tokio::test]
async fn services_may_ask_what_was_revoked() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let ann = admin.user("ann").await;
    let answer = cloud.login("ann", PASSWORD, json!("unscoped")).await;
    let audit = answer.json()["token"]["audit_ids"][0].as_str().unwrap().to_owned();
    let token = answer.header("x-subject-token");
    cloud.api.token(&token).with("x-subject-token", &token).expect(204, "DELETE /auth/tokens", None).await;
    cloud.clock.advance(Duration::from_secs(10));
    admin.expect(204, &format!("DELETE /users/{ann}/tokens"), None).await;
    let listed = admin.expect(200, "GET /OS-REVOKE/events", None).await;
    let named = |name: &str, value: &str| listed["events"].as_array().unwrap().iter().any(|e| e[name] == json!(value));
    assert!(named("audit_id", &audit) && named("audit_chain_id", &audit) && named("user_id", &ann), "{listed}");
    let recent = admin.expect(200, "GET /OS-REVOKE/events?since=2027-01-15T08:00:05Z", None).await;
    assert_eq!(recent["events"].as_array().unwrap().len(), 1, "{recent}");
    admin.expect(400, "GET /OS-REVOKE/events?since=yesterday", None).await;
}
