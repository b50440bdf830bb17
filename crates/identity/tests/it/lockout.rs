use crate::cloud::{Calls, Cloud, PASSWORD, config};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn too_many_wrong_passwords_lock_for_a_while() {
    let cloud = Cloud::with(config().acceptance()).await;
    let admin = cloud.admin().await;
    let user = admin.user("ann").await;
    let login = |password: &'static str| {
        let cloud = &cloud;
        async move { cloud.login("ann", password, Value::Null).await.status }
    };
    assert_eq!(login("wrong").await, 401);
    assert_eq!(login(PASSWORD).await, 201, "one wrong password does not lock, and a right one forgets it");
    assert_eq!(login("wrong").await, 401);
    assert_eq!(login("wrong").await, 401);
    assert_eq!(login(PASSWORD).await, 401, "locked");
    cloud.clock.advance(Duration::from_secs(4));
    assert_eq!(login(PASSWORD).await, 401, "still locked");
    cloud.clock.advance(Duration::from_secs(1));
    assert_eq!(login("wrong").await, 401, "counting begins again");
    assert_eq!(login(PASSWORD).await, 201);
    for _ in 0..2 {
        login("wrong").await;
    }
    assert_eq!(login(PASSWORD).await, 401);
    admin.expect(200, &format!("PATCH /users/{user}"), json!({"user": {"enabled": true}})).await;
    assert_eq!(login(PASSWORD).await, 201, "an administrator unlocks");
    let free = json!({"user": {"options": {"ignore_lockout_failure_attempts": true}}});
    admin.expect(200, &format!("PATCH /users/{user}"), free).await;
    for _ in 0..5 {
        login("wrong").await;
    }
    assert_eq!(login(PASSWORD).await, 201, "this user is never locked");
}

#[tokio::test]
async fn guesses_made_at_once_are_all_counted() {
    let cloud = Cloud::with(config().acceptance()).await;
    cloud.admin().await.user("ann").await;
    let guesses = (0..8).map(|n| cloud.login("ann", if n == 7 { PASSWORD } else { "wrong" }, Value::Null));
    let answers = futures_util::future::join_all(guesses).await;
    assert!(answers.iter().filter(|a| a.status == 201).count() <= 1);
    assert_eq!(cloud.login("ann", PASSWORD, Value::Null).await.status, 401, "locked by those before");
}

#[tokio::test]
async fn every_login_leaves_an_event() {
    let cloud = Cloud::new().await;
    let user = cloud.admin().await.user("ann").await;
    cloud.login("ann", "wrong", Value::Null).await;
    cloud.clock.advance(Duration::from_secs(1));
    cloud.login("ann", PASSWORD, Value::Null).await;
    let events = cloud.identity.store().history("audit", None, 100, store::Order::NewestFirst).await.unwrap();
    let logins: Vec<_> = events.iter().map(|e| &e.record).filter(|r| r["target"]["id"] == user.as_str()).collect();
    let told: Vec<_> = logins.iter().map(|r| (r["action"].as_str().unwrap(), r["outcome"].as_str().unwrap())).collect();
    assert_eq!(told[0], ("authenticate", "success"));
    assert!(told.contains(&("authenticate", "failure")) && told.contains(&("created.user", "success")), "{told:?}");
    assert_eq!(logins[0]["typeURI"], "http://schemas.dmtf.org/cloud/audit/1.0/event");
    let failure = logins.iter().find(|r| r["outcome"] == "failure").unwrap();
    assert_eq!(failure["reason"]["reasonType"], "wrong password");
    cloud.clock.advance(Duration::from_secs(1));
    cloud.login("nobody", PASSWORD, Value::Null).await;
    let newest = cloud.identity.store().history("audit", None, 1, store::Order::NewestFirst).await.unwrap();
    assert_eq!(newest[0].record["target"]["id"], "unknown");
}
