use crate::cloud::{BASE, Calls, Cloud, PASSWORD};
use serde_json::json;

#[tokio::test]
async fn a_user_has_what_was_given_and_what_keystone_adds() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let new = json!({"name": " ann ", "password": PASSWORD, "email": "a@b.c", "description": "d", "shoe-size": 42,
        "id": "mine", "options": {"lock_password": true, "ignore_password_expiry": null}});
    let made = admin.expect(201, "POST /users", json!({"user": new})).await;
    let id = made["user"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made,
        json!({"user": {
            "id": id, "name": "ann", "domain_id": "default", "enabled": true, "password_expires_at": null,
            "options": {"lock_password": true}, "links": {"self": format!("{BASE}/users/{id}")},
            "email": "a@b.c", "description": "d", "shoe_size": 42,
        }})
    );
    assert_eq!(admin.expect(200, &format!("GET /users/{id}"), None).await, made);
    let change = json!({"user": {"name": "bea", "email": null, "options": {"lock_password": null}, "enabled": false}});
    let changed = admin.expect(200, &format!("PATCH /users/{id}"), change).await;
    let user = &changed["user"];
    assert_eq!((&user["name"], &user["email"], &user["options"]), (&json!("bea"), &json!(null), &json!({})));
    assert_eq!((&user["enabled"], &user["shoe_size"]), (&json!(false), &json!(42)));
    admin.expect(201, "POST /users", json!({"user": {"name": "ann"}})).await;
    admin.expect(204, &format!("DELETE /users/{id}"), None).await;
    let gone = admin.expect(404, &format!("GET /users/{id}"), None).await;
    assert_eq!(gone["error"]["message"], format!("Could not find user: {id}."));
    admin.expect(404, &format!("DELETE /users/{id}"), None).await;
    admin.expect(201, "POST /users", json!({"user": {"name": "bea"}})).await;
}

#[tokio::test]
async fn names_are_unique_in_their_domain_only() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let domain = admin.create("domain", json!({"name": "d"})).await;
    let ann = admin.user("ann").await;
    let taken = admin.expect(409, "POST /users", json!({"user": {"name": "ann"}})).await;
    let text = "Conflict occurred attempting to store user - Duplicate entry found with name ann at domain ID default.";
    assert_eq!(taken["error"]["message"], text);
    admin.expect(201, "POST /users", json!({"user": {"name": "ann", "domain_id": domain}})).await;
    let bob = admin.user("bob").await;
    admin.expect(409, &format!("PATCH /users/{bob}"), json!({"user": {"name": "ann"}})).await;
    admin.expect(200, &format!("PATCH /users/{ann}"), json!({"user": {"name": "ann"}})).await;
    let moved = admin.expect(400, &format!("PATCH /users/{bob}"), json!({"user": {"domain_id": domain}})).await;
    assert_eq!(moved["error"]["message"], "Cannot change Domain ID");
    admin.expect(404, "POST /users", json!({"user": {"name": "eve", "domain_id": "nowhere"}})).await;
}

#[tokio::test]
async fn bad_bodies_are_refused_by_field_and_nothing_is_written() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let before = cloud.identity.store().snapshot().revision();
    let long = "x".repeat(256);
    for (user, expect) in [
        (json!({}), "'name' is a required property"),
        (json!({"name": ""}), "user/name"),
        (json!({"name": "   "}), "user/name"),
        (json!({"name": long}), "user/name"),
        (json!({"name": 7}), "user/name"),
        (json!({"name": "a", "enabled": 3}), "user/enabled"),
        (json!({"name": "a", "domain_id": "no/slash"}), "user/domain_id"),
        (json!({"name": "a", "password": 7}), "user/password"),
        (json!({"name": "a", "options": {"unknown": true}}), "unknown"),
        (json!({"name": "a", "options": {"multi_factor_auth_rules": [["a", "a"]]}}), "multi_factor_auth_rules"),
        (json!({"name": "a", "default_project_id": "default"}), "cannot be a domain ID"),
    ] {
        let refused = admin.expect(400, "POST /users", json!({"user": user})).await;
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(expect), "{user}: {message}");
    }
    for body in [json!([]), json!({"user": []}), json!({"user": {"name": "a"}, "more": 1}), json!("user"), json!(null)]
    {
        admin.expect(400, "POST /users", body).await;
    }
    admin.expect(400, "PATCH /users/nobody", json!({"user": {}})).await;
    assert_eq!(cloud.identity.store().snapshot().revision(), before);
    admin.expect(201, "POST /users", json!({"user": {"name": "日本語 ü"}})).await;
}

#[tokio::test]
async fn groups_and_who_is_in_them() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let (ann, bob) = (admin.user("ann").await, admin.user("bob").await);
    let made = admin.expect(201, "POST /groups", json!({"group": {"name": "g", "colour": "red"}})).await;
    let group = made["group"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made["group"],
        json!({"id": group, "name": "g", "domain_id": "default", "description": "", "colour": "red",
            "links": {"self": format!("{BASE}/groups/{group}")}})
    );
    admin.expect(409, "POST /groups", json!({"group": {"name": "g"}})).await;
    admin.expect(204, &format!("PUT /groups/{group}/users/{ann}"), None).await;
    admin.expect(204, &format!("PUT /groups/{group}/users/{ann}"), None).await;
    admin.expect(204, &format!("HEAD /groups/{group}/users/{ann}"), None).await;
    admin.expect(404, &format!("HEAD /groups/{group}/users/{bob}"), None).await;
    admin.expect(404, &format!("PUT /groups/{group}/users/nobody"), None).await;
    let users = admin.expect(200, &format!("GET /groups/{group}/users"), None).await;
    assert_eq!(users["users"].as_array().unwrap().len(), 1);
    assert_eq!(users["links"]["self"], format!("{BASE}/groups/{group}/users"));
    let groups = admin.expect(200, &format!("GET /users/{ann}/groups"), None).await;
    assert_eq!(groups["groups"][0]["membership_expires_at"], json!(null));
    let own = cloud.as_user("ann", json!("unscoped")).await;
    own.expect(200, &format!("GET /users/{ann}/groups"), None).await;
    own.expect(403, &format!("GET /users/{bob}/groups"), None).await;
    let changed = admin.expect(200, &format!("PATCH /groups/{group}"), json!({"group": {"description": null}})).await;
    assert_eq!(changed["group"]["description"], json!(null));
    admin.expect(204, &format!("DELETE /groups/{group}/users/{ann}"), None).await;
    admin.expect(404, &format!("DELETE /groups/{group}/users/{ann}"), None).await;
    admin.expect(204, &format!("DELETE /groups/{group}"), None).await;
    admin.expect(404, &format!("GET /groups/{group}"), None).await;
}
