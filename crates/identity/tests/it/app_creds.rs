use crate::cloud::{Calls, Cloud, PASSWORD, on_project_id, token_of};
use http::testkit::{Answer, Api};
use serde_json::{Value, json};
use std::time::Duration;

struct Ann {
    cloud: Cloud,
    admin: Api,
    id: String,
    project: String,
    api: Api,
}

impl Ann {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        let admin = cloud.admin().await;
        let (id, project) = (admin.user("ann").await, admin.create("project", json!({"name": "p"})).await);
        admin.grant(&format!("projects/{project}/users/{id}"), "member").await;
        let api = cloud.as_user("ann", on_project_id(&project)).await;
        Self { cloud, admin, id, project, api }
    }

    fn path(&self) -> String {
        format!("/users/{}/application_credentials", self.id)
    }

    async fn make(&self, credential: Value) -> Value {
        let body = json!({"application_credential": credential});
        self.api.expect(201, &format!("POST {}", self.path()), body).await["application_credential"].take()
    }

    async fn login(&self, part: Value) -> Answer {
        let auth = json!({"identity": {"methods": ["application_credential"], "application_credential": part}});
        self.cloud.authenticate(auth).await
    }

    async fn login_with(&self, made: &Value) -> Answer {
        self.login(json!({"id": made["id"], "secret": made["secret"]})).await
    }
}

#[tokio::test]
async fn a_secret_stands_for_its_owner_on_one_project() {
    let ann = Ann::new().await;
    let made = ann.make(json!({"name": "robot", "description": "d"})).await;
    assert_eq!(made["secret"].as_str().unwrap().len(), 86);
    assert_eq!((&made["project_id"], &made["unrestricted"]), (&json!(ann.project), &json!(false)));
    let id = made["id"].as_str().unwrap();
    let shown = ann.api.expect(200, &format!("GET {}/{id}", ann.path()), None).await;
    let mut expect = made.clone();
    expect.as_object_mut().unwrap().remove("secret");
    assert_eq!(shown["application_credential"], expect);
    let stored = ann.cloud.identity.store().snapshot();
    let stored = stored.get::<identity::model::ApplicationCredential>(id).unwrap();
    assert!(!stored.secret_hash.contains(made["secret"].as_str().unwrap()));

    let answer = ann.login_with(&made).await;
    let token = token_of(&answer);
    assert!(token.len() <= 255);
    let body = &answer.json()["token"];
    assert_eq!(body["project"]["id"], ann.project.as_str());
    assert_eq!(body["methods"], json!(["application_credential"]));
    assert_eq!(body["application_credential"], json!({"id": id, "name": "robot", "restricted": true}));
    let owner = json!({"name": "ann", "domain": {"id": "default"}});
    let by_name = ann.login(json!({"name": "robot", "secret": made["secret"], "user": owner})).await;
    assert_eq!(by_name.status, 201, "{}", by_name.text());
    for wrong in [
        json!({"id": id, "secret": "wrong"}),
        json!({"id": id}),
        json!({"id": "nothing", "secret": made["secret"]}),
        json!({"name": "robot", "secret": made["secret"], "user": {"name": "admin", "domain": {"id": "default"}}}),
    ] {
        assert_eq!(ann.login(wrong.clone()).await.status, 401, "{wrong}");
    }
    assert_eq!(ann.login(json!({"name": "robot", "secret": "x"})).await.status, 400);
    let scoped = json!({"identity": {"methods": ["application_credential"],
        "application_credential": {"id": id, "secret": made["secret"]}}, "scope": on_project_id(&ann.project)});
    assert_eq!(ann.cloud.authenticate(scoped).await.status, 401, "it chooses no scope");

    let robot = ann.cloud.api.token(&token);
    let more = json!({"application_credential": {"name": "more"}});
    robot.expect(403, &format!("POST {}", ann.path()), more.clone()).await;
    robot.expect(403, &format!("DELETE {}/{id}", ann.path()), None).await;
    assert_eq!(ann.cloud.authenticate(crate::cloud::by_token(&token, Value::Null)).await.status, 403, "delegated");
    robot.expect(403, "POST /credentials", json!({"credential": {"blob": "b", "type": "t", "user_id": ann.id}})).await;
    let free = ann.make(json!({"name": "free", "unrestricted": true})).await;
    let robot = ann.cloud.api.token(&token_of(&ann.login_with(&free).await));
    robot.expect(201, &format!("POST {}", ann.path()), more).await;
    ann.api.expect(409, &format!("POST {}", ann.path()), json!({"application_credential": {"name": "free"}})).await;
    ann.api.expect(204, &format!("DELETE {}/{id}", ann.path()), None).await;
    assert_eq!(ann.login_with(&made).await.status, 401);
    ann.cloud.api.token(&token).expect(401, "GET /auth/projects", None).await;
}

#[tokio::test]
async fn it_never_has_more_than_its_owner() {
    let ann = Ann::new().await;
    let few = ann.make(json!({"name": "few", "roles": [{"name": "reader"}], "secret": "own secret"})).await;
    assert_eq!(few["secret"], "own secret");
    let answer = ann.login_with(&few).await;
    assert_eq!(answer.json()["token"]["roles"].as_array().unwrap().len(), 1);
    let post = format!("POST {}", ann.path());
    let too_much = json!({"application_credential": {"name": "x", "roles": [{"name": "admin"}]}});
    ann.api.expect(400, &post, too_much).await;
    ann.api.expect(404, &post, json!({"application_credential": {"name": "x", "roles": [{"name": "none"}]}})).await;
    ann.admin.expect(403, &post, json!({"application_credential": {"name": "x"}})).await;
    let all = ann.make(json!({"name": "all"})).await;
    let token = ann.cloud.api.token(&token_of(&ann.login_with(&all).await));
    let member = ann.admin.role("member").await;
    ann.admin.expect(204, &format!("DELETE /projects/{}/users/{}/roles/{member}", ann.project, ann.id), None).await;
    token.expect(401, "GET /auth/projects", None).await;
    assert_eq!(ann.login_with(&all).await.status, 401);
    ann.admin.grant(&format!("projects/{}/users/{}", ann.project, ann.id), "reader").await;
    assert_eq!(ann.login_with(&all).await.json()["token"]["roles"].as_array().unwrap().len(), 1);
    ann.admin.expect(200, &format!("PATCH /users/{}", ann.id), json!({"user": {"enabled": false}})).await;
    assert_eq!(ann.login_with(&all).await.status, 401);
}

#[tokio::test]
async fn it_ends_and_its_tokens_with_it() {
    let ann = Ann::new().await;
    let made = ann.make(json!({"name": "brief", "expires_at": "2027-01-15T08:10:00.000000Z"})).await;
    assert_eq!(made["expires_at"], "2027-01-15T08:10:00.000000");
    let answer = ann.login_with(&made).await;
    assert_eq!(answer.json()["token"]["expires_at"], "2027-01-15T08:10:00.000000Z");
    ann.cloud.clock.advance(Duration::from_secs(600));
    assert_eq!(ann.login_with(&made).await.status, 401);
    for at in ["2027-01-15T08:09:59Z", "soon"] {
        let body = json!({"application_credential": {"name": "late", "expires_at": at}});
        ann.api.expect(400, &format!("POST {}", ann.path()), body).await;
    }
}

#[tokio::test]
async fn access_rules_limit_what_its_tokens_are_good_for() {
    let ann = Ann::new().await;
    let rule = json!({"service": "identity", "method": "GET", "path": "/v3/auth/projects"});
    let made = ann.make(json!({"name": "narrow", "access_rules": [rule]})).await;
    let rule_id = made["access_rules"][0]["id"].as_str().unwrap().to_owned();
    let answer = ann.login_with(&made).await;
    assert_eq!(answer.json()["token"]["application_credential"]["access_rules"][0]["path"], "/v3/auth/projects");
    let token = token_of(&answer);
    let narrow = ann.cloud.api.token(&token);
    narrow.expect(200, "GET /auth/projects", None).await;
    narrow.expect(401, "GET /auth/domains", None).await;
    let asking = ann.admin.with("x-subject-token", &token);
    asking.expect(404, "GET /auth/tokens", None).await;
    asking.with("openstack-identity-access-rules", "1.0").expect(200, "GET /auth/tokens", None).await;

    let rules = format!("/users/{}/access_rules", ann.id);
    let again = ann.make(json!({"name": "again", "access_rules": [rule]})).await;
    assert_eq!(again["access_rules"][0]["id"], rule_id.as_str(), "the same rule is not made twice");
    let by_id = ann.make(json!({"name": "by-id", "access_rules": [{"id": rule_id}]})).await;
    assert_eq!(by_id["access_rules"][0]["method"], "GET");
    assert_eq!(ann.api.expect(200, &format!("GET {rules}"), None).await["access_rules"].as_array().unwrap().len(), 1);
    ann.api.expect(200, &format!("GET {rules}/{rule_id}"), None).await;
    ann.api.expect(404, &format!("GET {rules}/nothing"), None).await;
    ann.api.expect(403, &format!("DELETE {rules}/{rule_id}"), None).await;
    for app_cred in [&made, &again, &by_id] {
        ann.api.expect(204, &format!("DELETE {}/{}", ann.path(), app_cred["id"].as_str().unwrap()), None).await;
    }
    ann.api.expect(204, &format!("DELETE {rules}/{rule_id}"), None).await;
    let bad = json!({"application_credential": {"name": "bad", "access_rules": [{"service": "identity", "method": "LOOK", "path": "/"}]}});
    ann.api.expect(400, &format!("POST {}", ann.path()), bad).await;
}

#[tokio::test]
async fn nobody_elses() {
    let ann = Ann::new().await;
    let made = ann.make(json!({"name": "mine"})).await;
    let bob = ann.admin.user("bob").await;
    let eve = ann.cloud.token("bob", PASSWORD, json!("unscoped")).await;
    let eve = ann.cloud.api.token(&eve);
    let id = made["id"].as_str().unwrap();
    eve.expect(403, &format!("GET {}/{id}", ann.path()), None).await;
    eve.expect(403, &format!("GET /users/{bob}/application_credentials/{id}"), None).await;
    eve.expect(403, &format!("DELETE /users/{bob}/application_credentials/{id}"), None).await;
    eve.expect(403, &format!("GET {}", ann.path()), None).await;
    assert_eq!(
        ann.admin.expect(200, &format!("GET {}", ann.path()), None).await["application_credentials"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
