//! Several factors: one-time passwords, and receipts on the way.

use crate::cloud::{Calls, Cloud, PASSWORD, by_password, config, token_of};
use hmac::{Hmac, Mac};
use http::testkit::{Answer, Api};
use identity::LockoutConfig;
use kernel::Clock;
use serde_json::{Value, json};
use sha1::Sha1;
use std::time::Duration;

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// The code of `steps` half-minutes from now.
fn code(cloud: &Cloud, steps: i64) -> String {
    let step = cloud.clock.now().secs() / 30 + steps;
    let mut mac = Hmac::<Sha1>::new_from_slice(b"12345678901234567890").unwrap();
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 0xf);
    let number = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

async fn with_seed(cloud: &Cloud) -> (Api, String) {
    let admin = cloud.admin().await;
    let ann = admin.user("ann").await;
    let body = json!({"credential": {"type": "totp", "blob": SEED, "user_id": ann}});
    admin.expect(201, "POST /credentials", body).await;
    (admin, ann)
}

fn by_code(code: &str) -> Value {
    let user = json!({"name": "ann", "domain": {"id": "default"}, "passcode": code});
    json!({"identity": {"methods": ["totp"], "totp": {"user": user}}})
}

async fn login(cloud: &Cloud, code: &str) -> Answer {
    cloud.authenticate(by_code(code)).await
}

#[tokio::test]
async fn a_code_is_good_for_its_time() {
    let cloud = Cloud::new().await;
    let (admin, ann) = with_seed(&cloud).await;
    let answer = login(&cloud, &code(&cloud, 0)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.json()["token"]["methods"], json!(["totp"]));
    assert_eq!(login(&cloud, &code(&cloud, -1)).await.status, 201);
    for bad in [code(&cloud, -2), code(&cloud, 1), String::new(), "0".into(), "x".repeat(300)] {
        assert_eq!(login(&cloud, &bad).await.status, 401, "{bad}");
    }
    admin.expect(200, &format!("PATCH /users/{ann}"), json!({"user": {"enabled": false}})).await;
    assert_eq!(login(&cloud, &code(&cloud, 0)).await.status, 401);
    let nobody = json!({"identity": {"methods": ["totp"], "totp": {"user": {"id": "nobody", "passcode": "000000"}}}});
    assert_eq!(cloud.authenticate(nobody).await.status, 401);
    assert_eq!(cloud.authenticate(json!({"identity": {"methods": ["totp"]}})).await.status, 400);
}

#[tokio::test]
async fn guesses_lock_the_account() {
    let lockout = LockoutConfig { failure_attempts: 2, duration: 60 };
    let cloud = Cloud::with(identity::IdentityConfig { lockout, ..config() }).await;
    with_seed(&cloud).await;
    for _ in 0..2 {
        assert_eq!(login(&cloud, "000000").await.status, 401);
    }
    assert_eq!(login(&cloud, &code(&cloud, 0)).await.status, 401, "locked");
    assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 401, "for passwords too");
    cloud.clock.advance(Duration::from_secs(61));
    assert_eq!(login(&cloud, &code(&cloud, 0)).await.status, 201);
}

#[tokio::test]
async fn the_second_factor_comes_with_a_receipt() {
    let cloud = Cloud::new().await;
    let (admin, ann) = with_seed(&cloud).await;
    let rules = json!({"user": {"options": {"multi_factor_auth_rules": [["password", "totp"]]}}});
    admin.expect(200, &format!("PATCH /users/{ann}"), rules).await;
    let first = cloud.authenticate(by_password("ann", PASSWORD, Value::Null)).await;
    assert_eq!(first.status, 401);
    let body = first.json();
    assert_eq!(body["required_auth_methods"], json!([["password", "totp"]]));
    assert_eq!((&body["receipt"]["methods"], &body["receipt"]["user"]["id"]), (&json!(["password"]), &json!(ann)));
    let receipt = first.header("openstack-auth-receipt");
    let with = |receipt: &str| cloud.api.with("openstack-auth-receipt", receipt);
    let second = |api: Api, code: String| async move {
        api.call("POST /identity/v3/auth/tokens", json!({"auth": by_code(&code)})).await
    };
    let done = second(with(&receipt), code(&cloud, 0)).await;
    assert_eq!(done.status, 201, "{}", done.text());
    assert_eq!(done.json()["token"]["methods"], json!(["password", "totp"]));
    assert_eq!(second(with(&receipt), "000000".into()).await.status, 401);
    assert_eq!(second(with("gAAAAnonsense"), code(&cloud, 0)).await.status, 401);
    assert_eq!(second(with(&token_of(&done)), code(&cloud, 0)).await.status, 401, "a token is no receipt");
    assert_eq!(second(cloud.api.clone(), code(&cloud, 0)).await.status, 401, "the other factor alone");
    cloud.api.token(&receipt).expect(401, "GET /auth/projects", None).await;
    let both = json!({"identity": {"methods": ["password", "totp"],
        "password": by_password("ann", PASSWORD, Value::Null)["identity"]["password"], "totp": by_code(&code(&cloud, 0))["identity"]["totp"]}});
    assert_eq!(cloud.authenticate(both).await.status, 201);
    admin.user("bob").await;
    let other = with(&receipt)
        .call("POST /identity/v3/auth/tokens", json!({"auth": by_password("bob", PASSWORD, Value::Null)}))
        .await;
    assert_eq!(other.status, 401, "the receipt is Ann's");
    cloud.clock.advance(Duration::from_secs(301));
    assert_eq!(second(with(&receipt), code(&cloud, 0)).await.status, 401, "receipts last five minutes");
}
