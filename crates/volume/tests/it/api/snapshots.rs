use crate::world::{Cloud, expect, refused, snapshot};
use serde_json::json;

#[tokio::test]
async fn a_snapshot_is_made_shown_changed_and_deleted() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let id = snapshot(&member, &volume).await;
    cloud.reach_snapshot(&id, "available").await;
    let at = |method: &str| format!("{method} /volume/v3/snapshots/{id}");
    let shown = expect(&member.call(&at("GET"), None).await, 200)["snapshot"].take();
    assert_eq!(json!([shown["name"], shown["status"], shown["size"]]), json!(["s", "available", 1]));
    assert_eq!(shown["os-extended-snapshot-attributes:progress"], "100%");
    let change = json!({"snapshot": {"description": "of today"}});
    let changed = expect(&member.call(&at("PUT"), change).await, 200);
    assert_eq!(changed["snapshot"]["description"], "of today");
    let metadata = format!("POST /volume/v3/snapshots/{id}/metadata");
    let body = expect(&member.call(&metadata, json!({"metadata": {"a": "b"}})).await, 200);
    assert_eq!(body, json!({"metadata": {"a": "b"}}));
    expect(&member.call(&at("DELETE"), None).await, 202);
    let gone = |view: &store::Snapshot| (!view.contains::<volume::Snapshot>(&id)).then_some(());
    cloud.until("the snapshot to go", gone).await;
    refused(&member.call(&at("GET"), None).await, 404, "itemNotFound", &id);
    cloud.assert_clean("deleted");
}

#[tokio::test]
async fn another_projects_snapshot_does_not_exist() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let id = snapshot(&api.token("member"), &volume).await;
    cloud.reach_snapshot(&id, "available").await;
    let (other, reader) = (api.token("other"), api.token("reader"));
    for (method, body) in [("GET", None), ("PUT", Some(json!({"snapshot": {"name": "mine"}}))), ("DELETE", None)] {
        let request = format!("{method} /volume/v3/snapshots/{id}");
        refused(&other.call(&request, body.clone()).await, 404, "itemNotFound", &id);
        if method != "GET" {
            refused(&reader.call(&request, body).await, 403, "forbidden", "Policy doesn't allow");
        }
    }
    let steal = json!({"snapshot": {"volume_id": volume}});
    refused(&other.call("POST /volume/v3/snapshots", steal).await, 404, "itemNotFound", &volume);
    let restore = json!({"volume": {"snapshot_id": id}});
    refused(&other.call("POST /volume/v3/volumes", restore).await, 404, "itemNotFound", &id);
    assert_eq!(expect(&other.call("GET /volume/v3/snapshots", None).await, 200), json!({"snapshots": []}));
}
