//! Signed tokens in place of sealed ones.

use crate::cloud::{Calls, Cloud, PASSWORD, config, on_project};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use identity::{
    TokenFormat,
    model::{KeyRing, Purpose},
    ops::keys::rotate,
};
use kernel::TokenValidator;
use serde_json::Value;
use std::time::Duration;

async fn signing() -> Cloud {
    let mut config = config();
    config.tokens.format = TokenFormat::Jws;
    Cloud::with(config).await
}

#[tokio::test]
async fn a_signed_token_does_all_that_a_sealed_one_does() {
    let cloud = signing().await;
    let token = cloud.token("admin", PASSWORD, on_project("admin")).await;
    let parts: Vec<_> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{token}");
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!(claims["openstack_methods"], serde_json::json!(["password"]));
    assert_eq!((claims["iat"].as_f64(), claims["exp"].as_f64()), (Some(1_800_000_000.0), Some(1_800_003_600.0)));
    let own = cloud.api.token(&token).with("x-subject-token", &token);
    let shown = own.expect(200, "GET /auth/tokens", None).await;
    assert_eq!(shown["token"]["user"]["name"], "admin");
    assert_eq!(shown["token"]["expires_at"], "2027-01-15T09:00:00.000000Z");
    let forged = format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode("{}"), parts[2]);
    for bad in [forged, format!("{}.{}", parts[0], parts[1]), "a.b.c".to_owned(), "...".to_owned()] {
        assert!(cloud.identity.validate(&bad).await.is_err(), "{bad}");
    }
    own.expect(204, "DELETE /auth/tokens", None).await;
    cloud.api.token(&token).expect(401, "GET /auth/projects", None).await;
}

#[tokio::test]
async fn its_keys_are_rotated_and_forgotten() {
    let cloud = signing().await;
    let token = cloud.token("admin", PASSWORD, on_project("admin")).await;
    for _ in 0..2 {
        rotate(&cloud.identity, Purpose::Signing).await.unwrap();
    }
    assert!(cloud.identity.validate(&token).await.is_ok(), "by a key that is not primary any more");
    let second = cloud.token("admin", PASSWORD, on_project("admin")).await;
    assert!(cloud.identity.validate(&second).await.is_ok());
    cloud.clock.advance(Duration::from_secs(60 * 3600));
    for keeper in identity::reconcilers(&cloud.identity) {
        keeper.reconcile().await.unwrap();
    }
    let ring = cloud.identity.store().snapshot().get::<KeyRing>(Purpose::Signing.key()).unwrap();
    assert!(ring.keys.len() <= 3, "{}", ring.keys.len());
}
