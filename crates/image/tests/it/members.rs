//! Who sees an image, and to whom it is offered.

use crate::world::{Cloud, active, expect, refused, upload};
use serde_json::{Value, json};

fn names(list: &Value) -> usize {
    list["images"].as_array().map_or(usize::MAX, Vec::len)
}

#[tokio::test]
async fn an_offer_is_seen_accepted_and_taken_back() {
    let cloud = Cloud::new().await;
    let (owner, other, third) = (cloud.api.token("member"), cloud.api.token("other"), cloud.api.token("third"));
    let id = active(&owner, "shared").await;
    let at = |method: &str, tail: &str| format!("{method} /image/v2/images/{id}{tail}");
    refused(&other.call(&at("GET", ""), None).await, 404, "Failed to find image");

    let offer = expect(&owner.call(&at("POST", "/members"), json!({"member": "p2"})).await, 200);
    assert_eq!(json!([offer["member_id"], offer["status"], offer["image_id"]]), json!(["p2", "pending", id]));
    refused(&owner.call(&at("POST", "/members"), json!({"member": "p2"})).await, 409, "already");
    expect(&other.call(&at("GET", ""), None).await, 200);
    assert_eq!(other.call(&at("GET", "/file"), None).await.text(), "shared");
    assert_eq!(names(&expect(&other.call("GET /image/v2/images", None).await, 200)), 0, "not before it is accepted");

    // Only the one it is offered to answers the offer; nobody else learns of it.
    refused(&owner.call(&at("PUT", "/members/p2"), json!({"status": "accepted"})).await, 403, "not permitted");
    refused(&third.call(&at("PUT", "/members/p2"), json!({"status": "accepted"})).await, 404, "Failed to find image");
    refused(&third.call(&at("GET", "/members"), None).await, 404, "Failed to find image");
    refused(&other.call(&at("PUT", "/members/p2"), json!({"status": "perhaps"})).await, 400, "Status should be");
    expect(&other.call(&at("PUT", "/members/p2"), json!({"status": "accepted"})).await, 200);
    assert_eq!(names(&expect(&other.call("GET /image/v2/images", None).await, 200)), 1);

    // A member may look, and nothing more.
    expect(&owner.call(&at("POST", "/members"), json!({"member": "p3"})).await, 200);
    let seen = expect(&other.call(&at("GET", "/members"), None).await, 200);
    assert_eq!(seen["members"].as_array().unwrap().len(), 1, "it sees itself only: {seen}");
    refused(&other.call(&at("GET", "/members/p3"), None).await, 404, "could not be found");
    for (method, tail, body) in [
        ("POST", "/members", Some(json!({"member": "p4"}))),
        ("DELETE", "/members/p3", None),
        ("DELETE", "", None),
        ("POST", "/actions/deactivate", None),
        ("PUT", "/tags/mine", None),
    ] {
        assert_eq!(other.call(&at(method, tail), body).await.status, 403, "{method} {tail}");
    }
    assert_eq!(upload(&other, &id, "mine").await.status, 403);
    let patch = other.with("content-type", "application/openstack-images-v2.1-json-patch");
    let change = json!([{"op": "replace", "path": "/name", "value": "mine"}]).to_string();
    assert_eq!(patch.send(&at("PATCH", ""), change).await.status, 403);

    expect(&owner.call(&at("DELETE", "/members/p2"), None).await, 204);
    refused(&other.call(&at("GET", ""), None).await, 404, "Failed to find image");
    refused(&owner.call(&at("DELETE", "/members/p2"), None).await, 404, "could not be found");
    assert_eq!(cloud.image(&id).name.as_deref(), Some("i"));
}

#[tokio::test]
async fn visibility_decides_who_sees_and_who_may_change_it() {
    let cloud = Cloud::new().await;
    let (owner, other, admin) = (cloud.api.token("member"), cloud.api.token("other"), cloud.api.token("admin"));
    let id = active(&owner, "v").await;
    let set = async |api: &http::testkit::Api, visibility: &str| {
        let patch = api.with("content-type", "application/openstack-images-v2.1-json-patch");
        let change = json!([{"op": "replace", "path": "/visibility", "value": visibility}]).to_string();
        patch.send(&format!("PATCH /image/v2/images/{id}"), change).await.status
    };
    let seen = async || {
        let shown = other.call(&format!("GET /image/v2/images/{id}"), None).await.status == 200;
        let listed = names(&expect(&other.call("GET /image/v2/images", None).await, 200)) == 1;
        let read = other.call(&format!("GET /image/v2/images/{id}/file"), None).await.status == 200;
        (shown, listed, read)
    };
    assert_eq!(set(&owner, "public").await, 403, "only administrators");
    for (visibility, expected) in [
        ("private", (false, false, false)),
        ("community", (true, false, true)),
        ("public", (true, true, true)),
        ("shared", (false, false, false)),
    ] {
        assert_eq!(set(&admin, visibility).await, 200, "{visibility}");
        assert_eq!(seen().await, expected, "{visibility}");
    }
    let reader = cloud.api.token("reader");
    expect(&reader.call(&format!("GET /image/v2/images/{id}"), None).await, 200);
    assert_eq!(reader.call(&format!("DELETE /image/v2/images/{id}"), None).await.status, 403);
}
