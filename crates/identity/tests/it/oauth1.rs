//! OAuth 1.0a from the first request to the token and back.

use crate::cloud::{Calls, Cloud, PASSWORD, on_project_id, token_of};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac};
use http::testkit::{Answer, Api};
use identity::model::{AccessToken, Consumer, Nonce, RequestToken};
use kernel::Clock;
use serde_json::{Value, json};
use sha1::Sha1;
use std::{
    fmt::Write,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// A consumer, and Ann who has `admin` on a project (Keystone's rule for authorizing asks for that).
struct World {
    cloud: Cloud,
    admin: Api,
    ann: String,
    api: Api,
    project: String,
    consumer: Pair,
    signed: AtomicU32,
}

/// Key and secret.
#[derive(Clone, Default)]
struct Pair(String, String);

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, octet| {
        let _ = match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => write!(out, "{}", char::from(octet)),
            _ => write!(out, "%{octet:02X}"),
        };
        out
    })
}

impl World {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        let admin = cloud.admin().await;
        let (ann, project) = (admin.user("ann").await, admin.create("project", json!({"name": "p"})).await);
        admin.grant(&format!("projects/{project}/users/{ann}"), "admin").await;
        let api = cloud.as_user("ann", on_project_id(&project)).await;
        let made = admin.expect(201, "POST /OS-OAUTH1/consumers", json!({"consumer": {"description": "app"}})).await;
        let text = |name: &str| made["consumer"][name].as_str().unwrap().to_owned();
        let consumer = Pair(text("id"), text("secret"));
        Self { cloud, admin, ann, api, project, consumer, signed: AtomicU32::default() }
    }

    /// A client whose next request, a POST of this path, is signed.
    fn signed(&self, path: &str, token: &Pair, verifier: Option<&str>) -> Api {
        self.signed_at(self.cloud.clock.now().secs(), path, token, verifier)
    }

    fn signed_at(&self, at: i64, path: &str, token: &Pair, verifier: Option<&str>) -> Api {
        let (at, nonce) = (at.to_string(), self.signed.fetch_add(1, Ordering::Relaxed).to_string());
        let mut params = vec![
            ("oauth_consumer_key", self.consumer.0.as_str()),
            ("oauth_nonce", nonce.as_str()),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", at.as_str()),
        ];
        params.extend((!token.0.is_empty()).then_some(("oauth_token", token.0.as_str())));
        params.extend(verifier.map(|v| ("oauth_verifier", v)));
        params.sort_unstable();
        let pairs: Vec<_> = params.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        let url = format!("http://cloud.test:5000/identity/v3{path}");
        let base = format!("POST&{}&{}", encode(&url), encode(&pairs.join("&")));
        let mut mac = Hmac::<Sha1>::new_from_slice(format!("{}&{}", self.consumer.1, token.1).as_bytes()).unwrap();
        mac.update(base.as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let mut header = format!("OAuth oauth_signature=\"{}\"", encode(&signature));
        params.iter().for_each(|(k, v)| header.push_str(&format!(", {k}=\"{}\"", encode(v))));
        self.cloud.api.with("authorization", &header).with("host", "cloud.test:5000")
    }

    async fn request_token(&self) -> Pair {
        let signed = self.signed("/OS-OAUTH1/request_token", &Pair::default(), None);
        let signed = signed.with("requested-project-id", &self.project);
        pair(&signed.call("POST /identity/v3/OS-OAUTH1/request_token", None).await)
    }

    async fn authorize(&self, request: &Pair) -> String {
        let body = json!({"roles": [{"name": "member"}]});
        let token = self.api.expect(200, &format!("PUT /OS-OAUTH1/authorize/{}", request.0), body).await;
        token["token"]["oauth_verifier"].as_str().unwrap().to_owned()
    }

    async fn exchange(&self, request: &Pair, verifier: &str) -> Answer {
        let signed = self.signed("/OS-OAUTH1/access_token", request, Some(verifier));
        signed.call("POST /identity/v3/OS-OAUTH1/access_token", None).await
    }

    async fn access_token(&self) -> Pair {
        let request = self.request_token().await;
        let verifier = self.authorize(&request).await;
        pair(&self.exchange(&request, &verifier).await)
    }

    async fn login(&self, access: &Pair) -> Answer {
        let auth = json!({"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}}});
        self.signed("/auth/tokens", access, None).call("POST /identity/v3/auth/tokens", auth).await
    }
}

fn pair(answer: &Answer) -> Pair {
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/x-www-form-urlencoded");
    let text = answer.text();
    let of = |name: &str| {
        let found = text.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        found.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
    };
    Pair(of("oauth_token"), of("oauth_token_secret"))
}

#[tokio::test]
async fn a_consumer_acts_for_who_agreed() {
    let w = World::new().await;
    let access = w.access_token().await;
    let answer = w.login(&access).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let token = answer.json();
    let token = &token["token"];
    assert_eq!((&token["user"]["id"], &token["project"]["id"]), (&json!(w.ann), &json!(w.project)));
    assert_eq!(token["OS-OAUTH1"], json!({"access_token_id": access.0, "consumer_id": w.consumer.0}));
    let names: Vec<_> = token["roles"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["member", "reader"]);
    let robot = w.cloud.api.token(&token_of(&answer));
    let new = json!({"credential": {"blob": "b", "type": "t", "user_id": w.ann}});
    robot.expect(403, "POST /credentials", new).await;

    let all = format!("/users/{}/OS-OAUTH1/access_tokens", w.ann);
    let listed = w.admin.expect(200, &format!("GET {all}"), None).await;
    assert_eq!(listed["access_tokens"][0]["id"], json!(access.0));
    assert!(!listed.to_string().contains(&access.1), "secrets are seen once");
    let one = format!("{all}/{}", access.0);
    w.admin.expect(200, &format!("GET {one}"), None).await;
    w.admin.expect(404, &format!("GET /users/other/OS-OAUTH1/access_tokens/{}", access.0), None).await;
    let roles = w.admin.expect(200, &format!("GET {one}/roles"), None).await;
    let member = roles["roles"][0]["id"].as_str().unwrap();
    w.admin.expect(200, &format!("GET {one}/roles/{member}"), None).await;
    w.admin.expect(404, &format!("GET {one}/roles/none"), None).await;
    w.admin.expect(204, &format!("DELETE {one}"), None).await;
    robot.expect(401, "GET /auth/projects", None).await;
    assert_eq!(w.login(&access).await.status, 401);
}

#[tokio::test]
async fn signatures_times_and_verifiers_are_checked() {
    let w = World::new().await;
    let path = "/OS-OAUTH1/request_token";
    let call = |api: Api| async move { api.call("POST /identity/v3/OS-OAUTH1/request_token", None).await.status };
    let now = w.cloud.clock.now().secs();
    let with_project = |api: Api| api.with("requested-project-id", &w.project);
    assert_eq!(call(w.signed(path, &Pair::default(), None)).await, 400, "no project");
    assert_eq!(call(w.cloud.api.with("requested-project-id", &w.project)).await, 400, "no signature");
    assert_eq!(call(w.signed(path, &Pair::default(), None).with("requested-project-id", "none")).await, 404);
    assert_eq!(call(with_project(w.signed("/elsewhere", &Pair::default(), None))).await, 401);
    assert_eq!(call(with_project(w.signed_at(now - 601, path, &Pair::default(), None))).await, 400);
    assert_eq!(call(with_project(w.signed_at(now + 601, path, &Pair::default(), None))).await, 400);
    assert_eq!(call(with_project(w.signed(path, &Pair("x".into(), "y".into()), None))).await, 401);

    let request = w.request_token().await;
    let status = |answer: Answer| answer.status;
    assert_eq!(status(w.exchange(&request, "guess").await), 401, "nobody agreed");
    let lost = json!({"roles": [{"name": "service"}]});
    w.api.expect(401, &format!("PUT /OS-OAUTH1/authorize/{}", request.0), lost).await;
    w.api.expect(404, "PUT /OS-OAUTH1/authorize/none", json!({"roles": [{"name": "member"}]})).await;
    w.api.expect(400, &format!("PUT /OS-OAUTH1/authorize/{}", request.0), json!({})).await;
    let verifier = w.authorize(&request).await;
    assert_eq!(status(w.exchange(&request, "guess").await), 401);
    assert_eq!(status(w.exchange(&Pair(request.0.clone(), "wrong".into()), &verifier).await), 401);
    let access = pair(&w.exchange(&request, &verifier).await);
    assert_eq!(status(w.exchange(&request, &verifier).await), 404, "it is exchanged once");
    assert_eq!(status(w.login(&Pair(access.0.clone(), "wrong".into())).await), 401);
    assert_eq!(status(w.login(&Pair::default()).await), 400);
    w.cloud.clock.advance(Duration::from_secs(86_401));
    assert_eq!(status(w.login(&access).await), 401, "an access token lasts a day");
    let late = w.request_token().await;
    w.cloud.clock.advance(Duration::from_secs(28_801));
    assert_eq!(status(w.exchange(&late, "any").await), 401);
}

/// What was taken down on the way is of no use, on this member or on another one of the same state.
#[tokio::test]
async fn a_signed_request_is_served_once() {
    let w = World::new().await;
    let twin = w.cloud.twin();
    let kept = || w.cloud.identity.store().snapshot().count::<Nonce>();
    let path = "/OS-OAUTH1/request_token";
    let signed = w.signed(path, &Pair::default(), None).with("requested-project-id", &w.project);
    let post = format!("POST /identity/v3{path}");
    let request = pair(&signed.call(&post, None).await);
    assert_eq!(signed.call(&post, None).await.status, 401);
    assert_eq!(signed.through(&twin).call(&post, None).await.status, 401);
    let verifier = w.authorize(&request).await;
    let access = pair(&w.exchange(&request, &verifier).await);
    let auth = json!({"auth": {"identity": {"methods": ["oauth1"], "oauth1": {}}}});
    let login = w.signed("/auth/tokens", &access, None);
    let post = "POST /identity/v3/auth/tokens";
    let at_once = [0, 1].map(|member| if member == 0 { login.clone() } else { login.through(&twin) });
    let answers = futures_util::future::join_all(at_once.iter().map(|api| api.call(post, auth.clone()))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401]);
    assert_eq!(kept(), 3);
    w.cloud.clock.advance(Duration::from_secs(601));
    assert_eq!(login.call(post, auth.clone()).await.status, 401, "too old");
    assert_eq!(w.login(&access).await.status, 201);
    assert_eq!(kept(), 1, "a new one takes old ones away");
    w.cloud.clock.advance(Duration::from_secs(601));
    for keeper in identity::reconcilers(&w.cloud.identity) {
        keeper.reconcile().await.unwrap();
    }
    assert_eq!(kept(), 0);
}

#[tokio::test]
async fn delegated_tokens_do_not_delegate() {
    let w = World::new().await;
    let robot = w.cloud.api.token(&token_of(&w.login(&w.access_token().await).await));
    let request = w.request_token().await;
    let body = json!({"roles": [{"name": "reader"}]});
    robot.expect(403, &format!("PUT /OS-OAUTH1/authorize/{}", request.0), body).await;
}

#[tokio::test]
async fn consumers_are_kept_and_their_secret_is_not_shown() {
    let w = World::new().await;
    let one = format!("/OS-OAUTH1/consumers/{}", w.consumer.0);
    let shown = w.admin.expect(200, &format!("GET {one}"), None).await;
    assert!(shown["consumer"].get("secret").is_none());
    let stored = w.cloud.identity.store().snapshot().get::<Consumer>(&w.consumer.0).unwrap();
    assert!(!serde_json::to_string(&*stored).unwrap().contains(&w.consumer.1));
    let changed = w.admin.expect(200, &format!("PATCH {one}"), json!({"consumer": {"description": "new"}})).await;
    assert_eq!(changed["consumer"]["description"], "new");
    for bad in [json!({"secret": "mine"}), json!({}), json!({"description": 1}), json!({"id": "other"})] {
        w.admin.expect(400, &format!("PATCH {one}"), json!({"consumer": bad})).await;
    }
    let access = w.access_token().await;
    w.request_token().await;
    identity::ops::keys::rotate(&w.cloud.identity, identity::model::Purpose::Credentials).await.unwrap();
    for keeper in identity::reconcilers(&w.cloud.identity) {
        keeper.reconcile().await.unwrap();
    }
    assert_eq!(w.login(&access).await.status, 201, "the secrets moved to the new key");
    let gone: Value = w.admin.expect(204, &format!("DELETE {one}"), None).await;
    assert!(gone.is_null());
    let left = w.cloud.identity.store().snapshot();
    assert_eq!(left.count::<AccessToken>() + left.count::<RequestToken>(), 0);
    w.admin.expect(404, &format!("GET {one}"), None).await;
    assert!(!w.cloud.token("ann", PASSWORD, Value::Null).await.is_empty());
}
