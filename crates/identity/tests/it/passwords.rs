use crate::cloud::{Calls, Cloud, PASSWORD, config, on_project};
use http::testkit::Api;
use identity::Algorithm;
use serde_json::{Value, json};
use std::time::Duration;

async fn change(api: &Api, user: &str, old: &str, new: &str) -> (u16, String) {
    let body = json!({"user": {"original_password": old, "password": new}});
    let answer = api.call(&format!("POST /identity/v3/users/{user}/password"), body).await;
    (answer.status, answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn users_change_their_own_with_nothing_but_the_old_one() {
    let cloud = Cloud::with(config().acceptance()).await;
    let user = cloud.admin().await.user("ann").await;
    let token = cloud.token("ann", PASSWORD, Value::Null).await;
    assert_eq!(change(&cloud.api, &user, "wrong", "new1").await.0, 401);
    assert_eq!(change(&cloud.api, "nobody", PASSWORD, "new1").await.0, 401);
    let (status, message) = change(&cloud.api, &user, PASSWORD, PASSWORD).await;
    assert_eq!(status, 400);
    assert!(message.starts_with("The new password cannot be identical to a previous password."), "{message}");
    cloud.clock.advance(Duration::from_secs(1));
    assert_eq!(change(&cloud.api, &user, PASSWORD, "new1").await.0, 204);
    cloud.api.token(&token).expect(401, "GET /auth/projects", None).await;
    assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 401);
    assert_eq!(change(&cloud.api, &user, "new1", PASSWORD).await.0, 400, "two are remembered");
    assert_eq!(change(&cloud.api, &user, "new1", "new2").await.0, 204);
    assert_eq!(change(&cloud.api, &user, "new2", PASSWORD).await.0, 204, "the first is forgotten");
    let extra = json!({"user": {"original_password": "a", "password": "b", "more": 1}});
    cloud.api.expect(400, &format!("POST /users/{user}/password"), extra).await;
}

#[tokio::test]
async fn minimum_age_expiry_and_first_use() {
    let mut config = config();
    config.passwords.minimum_age_days = 2;
    config.passwords.expires_days = Some(10);
    config.passwords.change_upon_first_use = true;
    let cloud = Cloud::with(config).await;
    let admin = cloud.admin().await;
    let user = admin.user("ann").await;
    let first = cloud.login("ann", PASSWORD, Value::Null).await;
    assert_eq!(first.status, 401);
    assert!(first.text().contains("The password is expired and needs to be changed for user"), "{}", first.text());
    assert_eq!(change(&cloud.api, &user, PASSWORD, "mine").await.0, 204, "an expired password can still be changed");
    cloud.clock.advance(Duration::from_secs(1));
    assert_eq!(cloud.login("ann", "mine", Value::Null).await.status, 201);
    let (status, message) = change(&cloud.api, &user, "mine", "other").await;
    assert_eq!(status, 400);
    assert!(message.contains("must be used for 2 day(s)"), "{message}");
    let shown = admin.expect(200, &format!("GET /users/{user}"), None).await;
    assert_eq!(shown["user"]["password_expires_at"], "2027-01-25T08:00:00.000000");
    cloud.clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(change(&cloud.api, &user, "mine", "other").await.0, 204);
    cloud.clock.advance(Duration::from_secs(10 * 86_400));
    assert_eq!(cloud.login("ann", "other", Value::Null).await.status, 401);
    let admin = cloud.admin().await;
    let found = admin.expect(200, "GET /users?password_expires_at=lt:2027-02-01T00:00:00Z", None).await;
    assert_eq!(found["users"][0]["id"], user.as_str());
    admin.expect(400, "GET /users?password_expires_at=xx:2027-02-01T00:00:00Z", None).await;
    admin.expect(400, "GET /users?password_expires_at=lt:tomorrow", None).await;
    let spared = json!({"user": {"options": {"ignore_password_expiry": true}}});
    admin.expect(200, &format!("PATCH /users/{user}"), spared).await;
    assert_eq!(cloud.login("ann", "other", Value::Null).await.status, 201);
    let locked = json!({"user": {"options": {"lock_password": true}}});
    admin.expect(200, &format!("PATCH /users/{user}"), locked).await;
    assert_eq!(change(&cloud.api, &user, "other", "again").await.0, 400);
}

#[tokio::test]
async fn strength_is_asked_of_every_new_password() {
    let mut config = config();
    config.passwords.regex = Some(r".*\d".into());
    config.passwords.regex_description = "a digit".into();
    let cloud = Cloud::with(config).await;
    let admin = cloud.admin().await;
    let refused = admin.expect(400, "POST /users", json!({"user": {"name": "ann", "password": "none"}})).await;
    assert_eq!(refused["error"]["message"], "The password does not match the requirements: a digit.");
    let user = admin.user("ann").await;
    admin.expect(400, &format!("PATCH /users/{user}"), json!({"user": {"password": "none"}})).await;
    assert_eq!(change(&cloud.api, &user, PASSWORD, "none").await.0, 400);
    assert_eq!(change(&cloud.api, &user, PASSWORD, "one1").await.0, 204);
}

#[tokio::test]
async fn a_verified_password_is_not_trusted_beyond_a_change() {
    let mut config = config();
    config.passwords.verified_cache_seconds = 60;
    config.passwords.algorithm = Algorithm::Argon2id;
    config.passwords.rounds = Some(1);
    let cloud = Cloud::with(config).await;
    let admin = cloud.admin().await;
    let user = admin.user("ann").await;
    for _ in 0..2 {
        assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 201);
    }
    admin.expect(200, &format!("PATCH /users/{user}"), json!({"user": {"password": "new"}})).await;
    cloud.clock.advance(Duration::from_secs(1));
    assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 401);
    assert_eq!(cloud.login("ann", "new", Value::Null).await.status, 201);
    admin.expect(200, &format!("PATCH /users/{user}"), json!({"user": {"enabled": false}})).await;
    assert_eq!(cloud.login("ann", "new", Value::Null).await.status, 401);
    admin.expect(200, &format!("PATCH /users/{user}"), json!({"user": {"enabled": true, "password": null}})).await;
    for password in ["new", "", PASSWORD] {
        assert_eq!(cloud.login("ann", password, Value::Null).await.status, 401, "no password opens it any more");
    }
}

#[tokio::test]
async fn asleep_accounts_are_disabled() {
    let mut config = config();
    config.passwords.disable_after_inactive_days = 30;
    let cloud = Cloud::with(config).await;
    let user = cloud.admin().await.user("ann").await;
    cloud.clock.advance(Duration::from_secs(29 * 86_400));
    assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 201);
    assert_eq!(cloud.login("admin", PASSWORD, on_project("admin")).await.status, 201);
    cloud.clock.advance(Duration::from_secs(29 * 86_400));
    let admin = cloud.admin().await;
    assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 201, "a login counts as activity");
    cloud.clock.advance(Duration::from_secs(30 * 86_400));
    assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 401);
    admin.expect(401, &format!("GET /users/{user}"), None).await;
}
