use crate::cloud::{BASE, Calls, Cloud, PASSWORD, by_password, by_token, on_domain, on_project, on_system, token_of};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_project_scoped_token_says_all_that_keystones_does() {
    let cloud = Cloud::new().await;
    let answer = cloud.login("admin", PASSWORD, on_project("admin")).await;
    let text = token_of(&answer);
    assert!(text.len() <= 255, "{} characters", text.len());
    let mut token = answer.json()["token"].take();
    let catalog = token["catalog"].take();
    assert_eq!(catalog.as_array().unwrap().len(), 8);
    let place = &catalog[0]["endpoints"][0];
    let mut keys: Vec<_> = place.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["id", "interface", "region", "region_id", "url"]);
    let names: Vec<_> = token["roles"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "manager", "member", "reader"]);
    let admin = cloud.api.token(&text);
    let user = admin.expect(200, "GET /users?name=admin", None).await["users"][0]["id"].clone();
    let project = admin.expect(200, "GET /projects?name=admin", None).await["projects"][0]["id"].clone();
    let roles = token["roles"].take();
    let audit = token["audit_ids"].take();
    assert_eq!(audit[0].as_str().unwrap().len(), 22);
    assert!(roles[0]["id"].as_str().unwrap().len() == 32);
    assert_eq!(
        token,
        json!({
            "methods": ["password"],
            "user": {
                "domain": {"id": "default", "name": "Default"}, "id": user, "name": "admin", "password_expires_at": null,
            },
            "audit_ids": null,
            "expires_at": "2027-01-15T09:00:00.000000Z",
            "issued_at": "2027-01-15T08:00:00.000000Z",
            "project": {"domain": {"id": "default", "name": "Default"}, "id": project, "name": "admin"},
            "is_domain": false,
            "roles": null,
            "catalog": null,
        })
    );
}

#[tokio::test]
async fn every_way_to_name_user_and_scope() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let user = admin.expect(200, "GET /users?name=admin", None).await["users"][0]["id"].clone();
    let project = admin.expect(200, "GET /projects?name=admin", None).await["projects"][0]["id"].clone();
    let by_id =
        json!({"identity": {"methods": ["password"], "password": {"user": {"id": user, "password": PASSWORD}}}});
    let with_domain_name = json!({"identity": {"methods": ["password"], "password": {"user":
        {"name": "admin", "domain": {"name": "Default"}, "password": PASSWORD}}}});
    for auth in [by_id, with_domain_name] {
        for scope in [
            Value::Null,
            json!("unscoped"),
            json!({"unscoped": {}}),
            json!({"project": {"id": project}}),
            json!({"project": {"name": "admin", "domain": {"name": "Default"}}}),
            on_system(),
        ] {
            let mut auth = auth.clone();
            if !scope.is_null() {
                auth["scope"] = scope.clone();
            }
            let token = cloud.authenticate(auth).await;
            assert_eq!(token.status, 201, "{scope}: {}", token.text());
            let body = token.json();
            assert_eq!(body["token"]["project"].is_object(), scope.get("project").is_some(), "{scope}");
            assert_eq!(body["token"]["system"].is_object(), scope.get("system").is_some(), "{scope}");
            assert_eq!(
                body["token"]["catalog"].is_array(),
                scope.get("project").or(scope.get("system")).is_some(),
                "{scope}"
            );
        }
    }
}

#[tokio::test]
async fn a_refusal_does_not_tell_whether_the_user_exists() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let off = admin.create("user", json!({"name": "off", "password": PASSWORD, "enabled": false})).await;
    let wrong = cloud.login("admin", "wrong", Value::Null).await;
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.json()["error"]["message"], "The request you have made requires authentication.");
    assert_eq!(wrong.json()["error"]["code"], 401);
    assert_eq!(wrong.json()["error"]["title"], "Unauthorized");
    let strip = |mut answer: http::testkit::Answer| {
        answer.headers.remove("x-openstack-request-id");
        (answer.status, answer.headers.clone(), answer.text())
    };
    let expect = strip(wrong);
    let other = |auth: Value| async { strip(cloud.authenticate(auth).await) };
    let by_id =
        |id: &str| json!({"identity": {"methods": ["password"], "password": {"user": {"id": id, "password": "x"}}}});
    for auth in [
        by_password("nobody", PASSWORD, Value::Null),
        by_password("off", PASSWORD, Value::Null),
        by_id("0123456789abcdef0123456789abcdef"),
        by_id(&off),
        by_password("admin", PASSWORD, on_project("nowhere")),
        by_password("admin", PASSWORD, on_domain("default")),
        by_password("admin", PASSWORD, on_domain("nowhere")),
        json!({"identity": {"methods": ["password"], "password": {"user":
            {"name": "admin", "domain": {"name": "nowhere"}, "password": PASSWORD}}}}),
        json!({"identity": {"methods": ["telepathy"], "telepathy": {}}}),
    ] {
        assert_eq!(other(auth.clone()).await, expect, "{auth}");
    }
    assert_eq!(cloud.authenticate(by_token("gAAAAA", Value::Null)).await.status, 404, "as in Keystone");
}

#[tokio::test]
async fn malformed_requests_name_what_is_wrong() {
    let cloud = Cloud::new().await;
    let check = |auth: Value, expect: &'static str| {
        let cloud = &cloud;
        async move {
            let answer = cloud.authenticate(auth.clone()).await;
            assert_eq!(answer.status, 400, "{auth}: {}", answer.text());
            let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains(expect), "{auth}: {message}");
        }
    };
    check(json!({}), "'identity' is a required property").await;
    check(json!({"identity": {"methods": ["password"]}}), "Expecting to find password in identity").await;
    check(json!({"identity": {"methods": "password"}}), "Invalid input for field 'identity/methods'").await;
    check(json!({"identity": {"methods": ["password"], "password": {"user": {}}}}), "id or name must be present").await;
    check(
        json!({"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "password": "x"}}}}),
        "Expecting to find domain in user",
    )
    .await;
    let scope = json!({"project": {"id": "p"}, "domain": {"id": "default"}});
    check(by_password("admin", PASSWORD, scope), "Expecting to find system, project, domain").await;
    check(by_password("admin", PASSWORD, json!({"project": {"name": "admin"}})), "Expecting to find domain in project")
        .await;
    let answer = cloud.api.send("POST /identity/v3/auth/tokens", "{").await;
    assert_eq!(answer.status, 400);
    assert_eq!(cloud.api.call("POST /identity/v3/auth/tokens", json!({})).await.status, 400);
}

#[tokio::test]
async fn the_default_project_is_used_if_it_is_any_good() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let project = admin.create("project", json!({"name": "home"})).await;
    let user = admin.create("user", json!({"name": "ann", "password": PASSWORD, "default_project_id": project})).await;
    let scope = || async { cloud.login("ann", PASSWORD, Value::Null).await.json()["token"]["project"]["id"].clone() };
    assert_eq!(scope().await, Value::Null, "no role there");
    admin.grant(&format!("projects/{project}/users/{user}"), "member").await;
    assert_eq!(scope().await, project.as_str());
    let unscoped = cloud.login("ann", PASSWORD, json!("unscoped")).await;
    assert!(unscoped.json()["token"]["project"].is_null());
    assert!(unscoped.json()["token"].get("roles").is_none());
    admin.expect(200, &format!("PATCH /projects/{project}"), json!({"project": {"enabled": false}})).await;
    assert_eq!(scope().await, Value::Null, "disabled");
    admin.expect(204, &format!("DELETE /projects/{project}"), None).await;
    let shown = admin.expect(200, &format!("GET /users/{user}"), None).await;
    assert!(shown["user"].get("default_project_id").is_none(), "{shown}");
}

#[tokio::test]
async fn a_token_from_a_token_keeps_its_end_and_its_chain() {
    let cloud = Cloud::new().await;
    let first = cloud.login("admin", PASSWORD, json!("unscoped")).await;
    cloud.clock.advance(Duration::from_secs(600));
    let second = cloud.authenticate(by_token(&token_of(&first), on_project("admin"))).await;
    let third = cloud.authenticate(by_token(&token_of(&second), on_system())).await;
    let (a, b, c) = (first.json(), second.json(), third.json());
    assert_eq!(b["token"]["expires_at"], a["token"]["expires_at"]);
    assert_eq!(b["token"]["methods"], json!(["password", "token"]));
    assert_eq!(b["token"]["audit_ids"][1], a["token"]["audit_ids"][0]);
    assert_eq!(c["token"]["audit_ids"][1], a["token"]["audit_ids"][0]);
    assert_ne!(c["token"]["audit_ids"][0], b["token"]["audit_ids"][0]);
    let back = cloud.authenticate(by_token(&token_of(&third), on_project("admin"))).await;
    assert_eq!(back.status, 403, "a system-scoped token gives no project-scoped one");
}

#[tokio::test]
async fn tokens_end_and_are_remembered_for_a_while() {
    let cloud = Cloud::new().await;
    let old = cloud.token("admin", PASSWORD, on_project("admin")).await;
    cloud.clock.advance(Duration::from_secs(3599));
    cloud.api.token(&old).expect(200, "GET /users", None).await;
    cloud.clock.advance(Duration::from_secs(1));
    cloud.api.token(&old).expect(401, "GET /users", None).await;
    let asking = cloud.admin().await.with("x-subject-token", &old);
    asking.expect(404, "GET /auth/tokens", None).await;
    let found = asking.expect(200, "GET /auth/tokens?allow_expired=1", None).await;
    assert_eq!(found["token"]["user"]["name"], "admin");
    cloud.clock.advance(Duration::from_secs(48 * 3600));
    let asking = cloud.admin().await.with("x-subject-token", &old);
    asking.expect(404, "GET /auth/tokens?allow_expired=1", None).await;
}

#[tokio::test]
async fn validation_head_and_nocatalog() {
    let cloud = Cloud::new().await;
    let token = cloud.token("admin", PASSWORD, on_project("admin")).await;
    let own = cloud.api.token(&token).with("x-subject-token", &token);
    let answer = own.call("GET /identity/v3/auth/tokens?nocatalog", None).await;
    assert_eq!((answer.status, answer.header("x-subject-token")), (200, token.clone()));
    assert!(answer.json()["token"].get("catalog").is_none());
    let head = own.call("HEAD /identity/v3/auth/tokens", None).await;
    assert_eq!((head.status, head.text()), (200, String::new()));
    own.with("x-subject-token", "gAAAAnonsense").expect(404, "GET /auth/tokens", None).await;
    cloud.api.token(&token).expect(404, "GET /auth/tokens", None).await;
}

#[tokio::test]
async fn multi_factor_rules_are_kept() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let user = admin.user("ann").await;
    let rules = |rules: Value| {
        let (admin, user) = (admin.clone(), user.clone());
        async move {
            let change = json!({"user": {"options": {"multi_factor_auth_rules": rules}}});
            admin.expect(200, &format!("PATCH /users/{user}"), change).await;
        }
    };
    rules(json!([["password", "mapped"]])).await;
    assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 201, "only what can be used here counts");
    rules(json!([["application_credential", "password"]])).await;
    assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 401);
    let off = json!({"user": {"options": {"multi_factor_auth_enabled": false}}});
    admin.expect(200, &format!("PATCH /users/{user}"), off).await;
    assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 201);
    let shown = admin.expect(200, &format!("GET /users/{user}"), None).await;
    assert_eq!(shown["user"]["options"]["multi_factor_auth_rules"], json!([["application_credential", "password"]]));
    assert_eq!(shown["user"]["links"]["self"], format!("{BASE}/users/{user}"));
}

#[tokio::test]
async fn what_a_user_can_reach() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let user = admin.user("ann").await;
    let project = admin.create("project", json!({"name": "p"})).await;
    let below = admin.create("project", json!({"name": "below", "parent_id": project})).await;
    admin.grant(&format!("projects/{project}/users/{user}"), "reader").await;
    admin.grant(&format!("domains/default/users/{user}"), "member").await;
    let ann = cloud.as_user("ann", json!("unscoped")).await;
    let found = ann.expect(200, "GET /auth/projects", None).await;
    assert_eq!(found["projects"].as_array().unwrap().len(), 1);
    assert_eq!(found["projects"][0]["id"], project.as_str());
    assert_eq!(ann.expect(200, "GET /auth/domains", None).await["domains"][0]["id"], "default");
    assert_eq!(ann.expect(200, "GET /auth/system", None).await["system"], json!([]));
    assert_eq!(admin.expect(200, "GET /auth/system", None).await["system"], json!([{"all": true}]));
    ann.expect(403, "GET /auth/catalog", None).await;
    let on_p = cloud.as_user("ann", json!({"project": {"id": project}})).await;
    assert_eq!(on_p.expect(200, "GET /auth/catalog", None).await["catalog"].as_array().unwrap().len(), 8);
    let role = admin.role("reader").await;
    let place = format!("OS-INHERIT/projects/{project}/users/{user}/roles/{role}/inherited_to_projects");
    admin.expect(204, &format!("PUT /{place}"), None).await;
    let found = ann.expect(200, "GET /auth/projects", None).await;
    assert!(found["projects"].as_array().unwrap().iter().any(|p| p["id"] == below.as_str()), "inherited");
}
