//! Trusts: what the trustee may do, how often, for how long, and what ends it.

use crate::cloud::{Calls, Cloud, PASSWORD, by_password, by_token, on_project_id, token_of};
use http::testkit::{Answer, Api};
use serde_json::{Value, json};
use std::time::Duration;

/// Ann has `manager` on a project and trusts Bob.
struct World {
    cloud: Cloud,
    admin: Api,
    ann: String,
    bob: String,
    project: String,
    member: String,
    api: Api,
}

impl World {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        let admin = cloud.admin().await;
        let (ann, bob) = (admin.user("ann").await, admin.user("bob").await);
        let project = admin.create("project", json!({"name": "p"})).await;
        admin.grant(&format!("projects/{project}/users/{ann}"), "manager").await;
        let member = admin.role("member").await;
        let api = cloud.as_user("ann", on_project_id(&project)).await;
        Self { cloud, admin, ann, bob, project, member, api }
    }

    fn body(&self, more: Value) -> Value {
        let mut trust = json!({"trustor_user_id": self.ann, "trustee_user_id": self.bob, "project_id": self.project,
            "impersonation": false, "roles": [{"id": self.member}]});
        trust.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"trust": trust})
    }

    async fn make(&self, more: Value) -> String {
        let made = self.api.expect(201, "POST /OS-TRUST/trusts", self.body(more)).await;
        made["trust"]["id"].as_str().unwrap().to_owned()
    }

    async fn login(&self, trust: &str) -> Answer {
        self.cloud.login("bob", PASSWORD, json!({"OS-TRUST:trust": {"id": trust}})).await
    }

    async fn works(&self, token: &str) -> u16 {
        self.admin.with("x-subject-token", token).call("GET /identity/v3/auth/tokens", None).await.status
    }
}

fn names(token: &Value) -> Vec<&str> {
    token["token"]["roles"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_trustee_acts_in_its_own_name_or_as_the_trustor() {
    let w = World::new().await;
    let plain = w.make(json!({})).await;
    let answer = w.login(&plain).await;
    let token = answer.json();
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(token_of(&answer).len() <= 255);
    assert_eq!((&token["token"]["user"]["id"], &token["token"]["project"]["id"]), (&json!(w.bob), &json!(w.project)));
    assert_eq!(names(&token), ["member", "reader"], "what member implies, and no more of what Ann has");
    let told =
        json!({"id": plain, "impersonation": false, "trustor_user": {"id": w.ann}, "trustee_user": {"id": w.bob}});
    assert_eq!(token["token"]["OS-TRUST:trust"], told);
    let shown = w.admin.with("x-subject-token", &token_of(&answer)).expect(200, "GET /auth/tokens", None).await;
    assert_eq!(shown["token"]["OS-TRUST:trust"], told);
    let acting = w.make(json!({"impersonation": true})).await;
    assert_eq!(w.login(&acting).await.json()["token"]["user"]["id"], json!(w.ann));
    let by_name = w.make(json!({"roles": [{"name": "reader"}]})).await;
    assert_eq!(names(&w.login(&by_name).await.json()), ["reader"]);

    let lent = token_of(&answer);
    assert_eq!(
        w.cloud.authenticate(by_token(&lent, json!("unscoped"))).await.status,
        403,
        "no token from a trust's token"
    );
    let own = by_password("ann", PASSWORD, json!({"OS-TRUST:trust": {"id": plain}}));
    assert_eq!(w.cloud.authenticate(own).await.status, 403, "Ann is not the trustee");
    for bad in [json!({"id": "none"}), json!({"id": w.ann})] {
        assert_eq!(w.cloud.login("bob", PASSWORD, json!({"OS-TRUST:trust": bad})).await.status, 401);
    }
    assert_eq!(w.cloud.login("bob", PASSWORD, json!({"OS-TRUST:trust": {}})).await.status, 400);
}

#[tokio::test]
async fn what_a_trust_may_not_be() {
    let w = World::new().await;
    let admin_role = w.admin.role("admin").await;
    for (expect, more) in [
        (403, json!({"roles": []})),
        (404, json!({"roles": [{"id": admin_role}]})),
        (404, json!({"roles": [{"name": "none"}]})),
        (400, json!({"roles": [{}]})),
        (404, json!({"trustee_user_id": "none"})),
        (403, json!({"trustor_user_id": w.bob})),
        (404, json!({"project_id": "none"})),
        (400, json!({"remaining_uses": 0})),
        (400, json!({"remaining_uses": "x"})),
        (400, json!({"expires_at": "soon"})),
        (400, json!({"expires_at": "2001-01-01T00:00:00Z"})),
        (400, json!({"impersonation": "maybe"})),
        (400, json!({"allow_redelegation": true, "remaining_uses": 1})),
        (403, json!({"allow_redelegation": true, "redelegation_count": 4})),
    ] {
        w.api.expect(expect, "POST /OS-TRUST/trusts", w.body(more.clone())).await;
    }
    let credential = json!({"application_credential": {"name": "a", "unrestricted": true}});
    let made = w.api.expect(201, &format!("POST /users/{}/application_credentials", w.ann), credential).await;
    let made = &made["application_credential"];
    let auth = json!({"identity": {"methods": ["application_credential"],
        "application_credential": {"id": made["id"], "secret": made["secret"]}}});
    let robot = w.cloud.api.token(&token_of(&w.cloud.authenticate(auth).await));
    robot.expect(403, "POST /OS-TRUST/trusts", w.body(json!({}))).await;
    robot.expect(403, &format!("GET /OS-TRUST/trusts?trustor_user_id={}", w.ann), None).await;
}

#[tokio::test]
async fn everything_that_ends_it() {
    let w = World::new().await;
    let trust = w.make(json!({"expires_at": "2027-01-15T09:00:00Z"})).await;
    let answer = w.login(&trust).await;
    let token = token_of(&answer);
    let until = answer.json()["token"]["expires_at"].as_str().unwrap().to_owned();
    assert_eq!(
        until, "2027-01-15T09:00:00.000000Z",
        "the clock stands at 08:00; the token ends no later than the trust"
    );
    assert_eq!(w.works(&token).await, 200);

    let roles = format!("/projects/{}/users/{}/roles", w.project, w.ann);
    let manager = w.admin.role("manager").await;
    w.admin.expect(204, &format!("DELETE {roles}/{manager}"), None).await;
    assert_eq!(w.works(&token).await, 404, "Ann lost the role");
    assert_eq!(w.login(&trust).await.status, 403);
    w.admin.expect(204, &format!("PUT {roles}/{}", w.member), None).await;
    assert_eq!(w.works(&token).await, 200);

    for user in [&w.ann, &w.bob] {
        let set = |enabled: bool| json!({"user": {"enabled": enabled}});
        w.admin.expect(200, &format!("PATCH /users/{user}"), set(false)).await;
        assert_eq!(w.works(&token).await, 404);
        assert!([401, 403].contains(&w.login(&trust).await.status));
        w.admin.expect(200, &format!("PATCH /users/{user}"), set(true)).await;
        w.cloud.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(w.works(&token).await, 404, "what a disabled user had does not come back");
    let fresh = token_of(&w.login(&trust).await);
    w.cloud.clock.advance(Duration::from_secs(1));
    let change = json!({"user": {"original_password": PASSWORD, "password": "other"}});
    w.cloud.api.expect(204, &format!("POST /users/{}/password", w.ann), change).await;
    assert_eq!(w.works(&fresh).await, 404, "the trustor's change of password ends what was lent before it");
    w.cloud.clock.advance(Duration::from_secs(1));

    let fresh = token_of(&w.login(&trust).await);
    w.admin.expect(204, &format!("DELETE /OS-TRUST/trusts/{trust}"), None).await;
    assert_eq!(w.works(&fresh).await, 404);
    assert_eq!(w.login(&trust).await.status, 401);
    w.admin.expect(404, &format!("GET /OS-TRUST/trusts/{trust}"), None).await;
}

#[tokio::test]
async fn a_trust_ends_by_time_and_by_use() {
    let w = World::new().await;
    let trust = w.make(json!({"remaining_uses": 2})).await;
    let one = format!("/OS-TRUST/trusts/{trust}");
    let own = w.cloud.as_user("ann", on_project_id(&w.project)).await;
    token_of(&w.login(&trust).await);
    assert_eq!(own.expect(200, &format!("GET {one}"), None).await["trust"]["remaining_uses"], 1);
    let last = token_of(&w.login(&trust).await);
    own.expect(404, &format!("GET {one}"), None).await;
    assert_eq!(w.login(&trust).await.status, 401);
    assert_eq!(w.works(&last).await, 200, "the last use is good for as long as its token");
    let short = w.make(json!({"expires_at": "2027-01-15T08:10:00Z"})).await;
    w.cloud.clock.advance(Duration::from_secs(601));
    assert_eq!(w.login(&short).await.status, 401);
    own.expect(404, &format!("DELETE /OS-TRUST/trusts/{short}"), None).await;
}

#[tokio::test]
async fn trusts_lent_on_give_no_more() {
    let w = World::new().await;
    let carl = w.admin.user("carl").await;
    let first = w.make(json!({"allow_redelegation": true, "impersonation": true, "roles": [{"name": "member"}, {"name": "reader"}]})).await;
    let bob = w.cloud.api.token(&token_of(&w.login(&first).await));
    let on = |more: Value| {
        let mut body = w.body(json!({"trustee_user_id": carl, "impersonation": true}));
        body["trust"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (expect, more) in [
        (404, json!({"roles": [{"name": "admin"}]})),
        (403, json!({"roles": [{"name": "manager"}]})),
        (403, json!({"remaining_uses": 1})),
        (403, json!({"allow_redelegation": true, "redelegation_count": 3})),
    ] {
        bob.expect(expect, "POST /OS-TRUST/trusts", on(more)).await;
    }
    let second =
        bob.expect(201, "POST /OS-TRUST/trusts", on(json!({"allow_redelegation": true}))).await["trust"].take();
    assert_eq!((&second["redelegated_trust_id"], &second["redelegation_count"]), (&json!(first), &json!(2)));
    let scope = json!({"OS-TRUST:trust": {"id": second["id"]}});
    let answer = w.cloud.login("carl", PASSWORD, scope.clone()).await;
    assert_eq!(answer.json()["token"]["user"]["id"], json!(w.ann));
    let token = token_of(&answer);
    w.admin.expect(200, &format!("PATCH /users/{}", w.bob), json!({"user": {"enabled": false}})).await;
    assert_eq!(w.works(&token).await, 404, "the one in the middle cannot act any more");
    assert_eq!(w.cloud.login("carl", PASSWORD, scope.clone()).await.status, 403);
    w.admin.expect(200, &format!("PATCH /users/{}", w.bob), json!({"user": {"enabled": true}})).await;
    w.cloud.clock.advance(Duration::from_secs(1));
    let token = token_of(&w.cloud.login("carl", PASSWORD, scope).await);
    w.admin.expect(204, &format!("DELETE /OS-TRUST/trusts/{first}"), None).await;
    assert_eq!(w.works(&token).await, 404);
    assert_eq!(w.cloud.identity.store().snapshot().count::<identity::model::Trust>(), 0);

    let dead_end = w.make(json!({})).await;
    w.cloud.clock.advance(Duration::from_secs(1));
    let bob = w.cloud.api.token(&token_of(&w.login(&dead_end).await));
    let own = json!({"trustor_user_id": w.bob, "impersonation": false});
    bob.expect(403, "POST /OS-TRUST/trusts", on(own)).await;
}

#[tokio::test]
async fn users_and_projects_take_their_trusts_along() {
    let w = World::new().await;
    let trust = w.make(json!({})).await;
    let one = format!("/OS-TRUST/trusts/{trust}");
    let full = w.api.expect(200, &format!("GET {one}/roles"), None).await;
    assert_eq!(full["roles"][0]["name"], "member");
    w.api.expect(200, &format!("GET {one}/roles/{}", w.member), None).await;
    w.api.expect(404, &format!("GET {one}/roles/none"), None).await;
    let listed = w.api.expect(200, &format!("GET /OS-TRUST/trusts?trustor_user_id={}", w.ann), None).await;
    assert!(listed["trusts"][0].get("roles").is_none());
    w.api.expect(403, "GET /OS-TRUST/trusts", None).await;
    let stranger = w.admin.user("carl").await;
    let stranger = (w.cloud.as_user("carl", json!("unscoped")).await, stranger);
    stranger.0.expect(403, &format!("GET {one}"), None).await;
    w.admin.expect(204, &format!("DELETE /projects/{}", w.project), None).await;
    w.admin.expect(404, &format!("GET {one}"), None).await;
    let bare = json!({"trust": {"trustor_user_id": stranger.1, "trustee_user_id": w.bob, "impersonation": false}});
    let scoped = w.admin.create("project", json!({"name": "q"})).await;
    w.admin.grant(&format!("projects/{scoped}/users/{}", stranger.1), "member").await;
    let carl = w.cloud.as_user("carl", on_project_id(&scoped)).await;
    carl.expect(201, "POST /OS-TRUST/trusts", bare).await;
    w.admin.expect(204, &format!("DELETE /users/{}", w.bob), None).await;
    assert_eq!(w.cloud.identity.store().snapshot().count::<identity::model::Trust>(), 0);
}
