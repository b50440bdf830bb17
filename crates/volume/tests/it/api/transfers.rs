//! A volume changes hands.

use crate::world::{Cloud, P2, expect, refused, snapshot};
use serde_json::json;

#[tokio::test]
async fn a_volume_goes_to_who_knows_the_key() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let (member, other) = (api.token("member"), api.token("other"));
    let kept = snapshot(&member, &volume).await;
    cloud.reach_snapshot(&kept, "available").await;
    let offer = json!({"transfer": {"volume_id": volume, "name": "yours"}});
    let made = expect(&member.call("POST /volume/v3/volume-transfers", offer.clone()).await, 202)["transfer"].take();
    assert_eq!(cloud.volume(&volume).status.as_str(), "awaiting-transfer");
    refused(&member.call("POST /volume/v3/volume-transfers", offer).await, 400, "badRequest", "available");
    let (id, key) = (made["id"].as_str().unwrap(), made["auth_key"].as_str().unwrap());
    let shown = expect(&member.call(&format!("GET /volume/v3/volume-transfers/{id}"), None).await, 200);
    assert!(shown["transfer"].get("auth_key").is_none(), "the key is told once: {shown}");
    expect(&other.call(&format!("GET /volume/v3/volume-transfers/{id}"), None).await, 404);
    let accept = format!("POST /volume/v3/volume-transfers/{id}/accept");
    let wrong = other.call(&accept, json!({"accept": {"auth_key": "guess"}})).await;
    refused(&wrong, 400, "badRequest", "Invalid auth key");
    expect(&other.call(&accept, json!({"accept": {"auth_key": key}})).await, 202);
    let moved = cloud.volume(&volume);
    assert_eq!((moved.status.as_str(), moved.project.as_str()), ("available", P2));
    expect(&other.call(&format!("GET /volume/v3/snapshots/{kept}"), None).await, 200);
    expect(&member.call(&format!("GET /volume/v3/volumes/{volume}"), None).await, 404);
    expect(&member.call(&format!("GET /volume/v3/volume-transfers/{id}"), None).await, 404);
    cloud.assert_clean("handed over, quotas too");
}

#[tokio::test]
async fn an_offer_is_taken_back() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let offer = json!({"transfer": {"volume_id": volume}});
    let made = expect(&member.call("POST /volume/v3/os-volume-transfer", offer).await, 202);
    let id = made["transfer"]["id"].as_str().unwrap();
    let all = expect(&member.call("GET /volume/v3/os-volume-transfer/detail", None).await, 200);
    assert_eq!((&all["transfers"][0]["id"], all["transfers"][0].get("accepted")), (&json!(id), None));
    expect(&member.call(&format!("DELETE /volume/v3/os-volume-transfer/{id}"), None).await, 202);
    assert_eq!(cloud.volume(&volume).status.as_str(), "available");
}
