//! EC2 credentials in the shape of old, and whose request it was.

use crate::cloud::{BASE, Calls, Cloud, on_project_id};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE},
};
use hmac::{Hmac, Mac};
use http::testkit::Api;
use kernel::Clock;
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;
use std::time::Duration;

struct World {
    cloud: Cloud,
    admin: Api,
    ann: String,
    project: String,
    api: Api,
}

impl World {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        let admin = cloud.admin().await;
        let (ann, project) = (admin.user("ann").await, admin.create("project", json!({"name": "p"})).await);
        admin.grant(&format!("projects/{project}/users/{ann}"), "member").await;
        let api = cloud.as_user("ann", on_project_id(&project)).await;
        Self { cloud, admin, ann, project, api }
    }

    fn path(&self) -> String {
        format!("/users/{}/credentials/OS-EC2", self.ann)
    }

    async fn make(&self) -> Value {
        let body = json!({"tenant_id": self.project});
        self.api.expect(201, &format!("POST {}", self.path()), body).await["credential"].take()
    }
}

fn sha256(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// A request of version 2 without a time, signed by `secret`.
fn signed(access: &Value, secret: &str, host: &str) -> Value {
    let text = format!("GET\n{host}\n/\nAction=Test&SignatureMethod=HmacSHA256&SignatureVersion=2");
    json!({"credentials": {"access": access, "signature": sha256(secret, &text), "host": "h:8773", "verb": "GET", "path": "/",
        "params": {"SignatureVersion": "2", "Action": "Test", "SignatureMethod": "HmacSHA256"}}})
}

#[tokio::test]
async fn kept_shown_and_removed() {
    let w = World::new().await;
    let made = w.make().await;
    let access = made["access"].as_str().unwrap().to_owned();
    let one = format!("{}/{access}", w.path());
    assert_eq!(
        made,
        json!({"user_id": w.ann, "tenant_id": w.project, "access": access, "secret": made["secret"], "trust_id": null,
            "links": {"self": format!("{BASE}{one}")}})
    );
    assert_eq!(w.api.expect(200, &format!("GET {one}"), None).await["credential"], made);
    assert_eq!(w.api.expect(200, &format!("GET {}", w.path()), None).await["credentials"], json!([made]));
    let as_credential = w.api.expect(200, "GET /credentials?type=ec2", None).await;
    assert!(as_credential["credentials"][0]["blob"].as_str().unwrap().contains(&access));
    w.api.expect(404, &format!("POST {}", w.path()), json!({"tenant_id": "none"})).await;
    w.api.expect(400, &format!("POST {}", w.path()), json!({})).await;
    w.admin.expect(404, "POST /users/none/credentials/OS-EC2", json!({"tenant_id": w.project})).await;
    w.api.expect(204, &format!("DELETE {one}"), None).await;
    w.api.expect(404, &format!("GET {one}"), None).await;
}

#[tokio::test]
async fn a_service_learns_whose_request_it_was() {
    let w = World::new().await;
    let made = w.make().await;
    let secret = made["secret"].as_str().unwrap();
    let ask = |body: Value| async { w.admin.call("POST /identity/v3/ec2tokens", body).await };
    let answer = ask(signed(&made["access"], secret, "h:8773")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json();
    assert_eq!((&token["token"]["user"]["id"], &token["token"]["project"]["id"]), (&json!(w.ann), &json!(w.project)));
    assert_eq!(token["token"]["methods"], json!(["ec2credential"]));
    let own = w.cloud.api.token(&answer.header("x-subject-token"));
    own.expect(403, &format!("GET {}", w.path()), None).await;
    assert_eq!(ask(signed(&made["access"], secret, "h")).await.status, 200, "signed without the port");
    assert_eq!(ask(signed(&made["access"], "other", "h")).await.status, 401);
    assert_eq!(ask(signed(&json!("none"), secret, "h")).await.status, 404);
    assert_eq!(ask(json!({"credentials": {"access": made["access"]}})).await.status, 401);
    assert_eq!(ask(json!({})).await.status, 400);
    w.api.expect(403, "POST /ec2tokens", signed(&made["access"], secret, "h")).await;
    w.admin.expect(200, &format!("PATCH /users/{}", w.ann), json!({"user": {"enabled": false}})).await;
    assert_eq!(ask(signed(&made["access"], secret, "h")).await.status, 401);
    w.admin.expect(200, &format!("PATCH /users/{}", w.ann), json!({"user": {"enabled": true}})).await;
    let member = w.admin.role("member").await;
    w.admin.expect(204, &format!("DELETE /projects/{}/users/{}/roles/{member}", w.project, w.ann), None).await;
    assert_eq!(ask(signed(&made["access"], secret, "h")).await.status, 401, "no role there any more");
}

#[tokio::test]
async fn s3_gateways_ask_with_the_text_that_was_signed() {
    let w = World::new().await;
    let made = w.make().await;
    let text = "GET\n\n\nSun, 22 Nov 2026 06:00:00 GMT\n/bucket";
    let mut mac = Hmac::<Sha1>::new_from_slice(made["secret"].as_str().unwrap().as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let token = BASE64_URL_SAFE.encode(text);
    let body = json!({"credentials": {"access": made["access"], "signature": signature, "token": token}});
    let answer = w.admin.call("POST /identity/v3/s3tokens", body.clone()).await;
    assert_eq!((answer.status, answer.headers.contains_key("x-subject-token")), (200, false), "{}", answer.text());
    assert_eq!(answer.json()["token"]["user"]["id"], json!(w.ann));
    let mut other = body;
    other["credentials"]["token"] = json!(BASE64_URL_SAFE.encode("PUT"));
    w.admin.expect(401, "POST /s3tokens", other).await;
}

#[tokio::test]
async fn old_signatures_do_not_count() {
    let w = World::new().await;
    let made = w.make().await;
    let secret = made["secret"].as_str().unwrap();
    let at = w.cloud.clock.now();
    let time = at.iso_micros_z().split('.').next().unwrap().to_owned() + "Z";
    let text =
        format!("GET\nh\n/\nSignatureMethod=HmacSHA256&SignatureVersion=2&Timestamp={}", time.replace(':', "%3A"));
    let body = json!({"credentials": {"access": made["access"], "signature": sha256(secret, &text), "host": "h", "verb": "GET",
        "path": "/", "params": {"SignatureVersion": "2", "Timestamp": time}}});
    w.admin.expect(200, "POST /ec2tokens", body.clone()).await;
    w.cloud.clock.advance(Duration::from_secs(16 * 60));
    w.admin.expect(401, "POST /ec2tokens", body).await;
}
