use crate::cloud::{BASE, Calls, Cloud, PASSWORD};
use identity::{
    model::{Credential, KeyRing, Purpose},
    ops::keys::rotate,
};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn what_they_contain_is_sealed_and_theirs_alone() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let (ann, bob) = (admin.user("ann").await, admin.user("bob").await);
    let own = cloud.as_user("ann", json!("unscoped")).await;
    let body = json!({"credential": {"blob": "top secret", "type": "cert", "user_id": ann}});
    let made = own.expect(201, "POST /credentials", body).await["credential"].take();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(
        made,
        json!({"id": id, "blob": "top secret", "type": "cert", "user_id": ann, "project_id": null,
            "links": {"self": format!("{BASE}/credentials/{id}")}})
    );
    let stored = cloud.identity.store().snapshot().get::<Credential>(&id).unwrap();
    assert!(!serde_json::to_string(&*stored).unwrap().contains("top secret"));
    own.expect(403, "POST /credentials", json!({"credential": {"blob": "b", "type": "t", "user_id": bob}})).await;
    let changed = own.expect(200, &format!("PATCH /credentials/{id}"), json!({"credential": {"blob": "new"}})).await;
    assert_eq!(changed["credential"]["blob"], "new");
    own.expect(400, &format!("PATCH /credentials/{id}"), json!({"credential": {"blob": "b", "user_id": bob}})).await;
    let other = cloud.as_user("bob", json!("unscoped")).await;
    other.expect(403, &format!("GET /credentials/{id}"), None).await;
    other.expect(403, &format!("DELETE /credentials/{id}"), None).await;
    assert_eq!(other.expect(200, "GET /credentials", None).await["credentials"], json!([]));
    let listed = admin.expect(200, &format!("GET /credentials?user_id={ann}&type=cert"), None).await;
    assert_eq!(listed["credentials"][0]["blob"], "new");
    own.expect(204, &format!("DELETE /credentials/{id}"), None).await;
    admin.expect(404, &format!("GET /credentials/{id}"), None).await;
    own.expect(403, &format!("GET /credentials/{id}"), None).await;
}

#[tokio::test]
async fn ec2_ones_are_found_by_their_access_key() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let ann = admin.user("ann").await;
    let new = |blob: &str| json!({"credential": {"blob": blob, "type": "ec2", "user_id": ann, "project_id": "p"}});
    let blob = json!({"access": "key", "secret": "s", "trust_id": null}).to_string();
    let made = admin.expect(201, "POST /credentials", new(&blob)).await;
    let sha256_of_key = "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683";
    assert_eq!(made["credential"]["id"], sha256_of_key);
    admin.expect(409, "POST /credentials", new(&blob)).await;
    for bad in ["", "[]", "{}", "{\"secret\": \"s\"}"] {
        admin.expect(400, "POST /credentials", new(bad)).await;
    }
    let without_project = json!({"credential": {"blob": blob, "type": "ec2", "user_id": ann}});
    admin.expect(400, "POST /credentials", without_project).await;
    let path = format!("PATCH /credentials/{sha256_of_key}");
    let blob = |trust: &str| json!({"credential": {"blob": json!({"access": "key", "trust_id": trust}).to_string()}});
    admin.expect(400, &path, blob("t")).await;
}

#[tokio::test]
async fn a_rotation_moves_them_to_the_new_key() {
    let cloud = Cloud::new().await;
    let admin = cloud.admin().await;
    let ann = admin.user("ann").await;
    let body = json!({"credential": {"blob": "b", "type": "cert", "user_id": ann}});
    let id = admin.expect(201, "POST /credentials", body).await["credential"]["id"].as_str().unwrap().to_owned();
    let sealed = || cloud.identity.store().snapshot().get::<Credential>(&id).unwrap().sealed.clone();
    let (before, view) = (sealed(), || cloud.identity.store().snapshot());
    rotate(&cloud.identity, Purpose::Credentials).await.unwrap();
    admin.expect(200, &format!("GET /credentials/{id}"), None).await;
    cloud.clock.advance(Duration::from_secs(61));
    for keeper in identity::reconcilers(&cloud.identity) {
        keeper.reconcile().await.unwrap();
    }
    assert_ne!(sealed(), before);
    assert_eq!(view().get::<KeyRing>("credentials").unwrap().keys.len(), 2, "the old key opens nothing and is gone");
    let shown = cloud.admin().await.expect(200, &format!("GET /credentials/{id}"), None).await;
    assert_eq!(shown["credential"]["blob"], "b");
    assert!(cloud.login("ann", PASSWORD, json!(null)).await.status == 201);
}
