//! Groups and their snapshots.

use crate::world::{Cloud, create, expect, flows, refused};
use http::testkit::Api;
use serde_json::{Value, json};

async fn group(api: &Api) -> String {
    let kind = expect(&api.call("GET /volume/v3/group_types/default", None).await, 200)["group_type"]["id"].take();
    let body = json!({"group": {"group_type": kind, "volume_types": ["__DEFAULT__"], "name": "g"}});
    let made = expect(&api.call("POST /volume/v3/groups", body).await, 202);
    made["group"]["id"].as_str().unwrap().to_owned()
}

async fn show(api: &Api, path: &str) -> Value {
    expect(&api.call(&format!("GET /volume/v3/{path}"), None).await, 200)
}

#[tokio::test]
async fn a_group_is_what_its_volumes_are() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let id = group(&member).await;
    let volume = create(&member, json!({"size": 1, "group_id": id})).await;
    cloud.reach(&volume, "available").await;
    let shown = show(&member, &format!("groups/{id}?list_volume=True")).await;
    assert_eq!((&shown["group"]["status"], &shown["group"]["volumes"]), (&json!("available"), &json!([volume])));
    refused(&member.call(&format!("DELETE /volume/v3/volumes/{volume}"), None).await, 400, "badRequest", "group");

    let body = json!({"group_snapshot": {"group_id": id, "name": "s"}});
    let made = expect(&member.call("POST /volume/v3/group_snapshots", body).await, 202);
    let snapshot = made["group_snapshot"]["id"].as_str().unwrap().to_owned();
    cloud.until("the snapshots", |view| (flows(view) == 0).then_some(())).await;
    let shown = show(&member, &format!("group_snapshots/{snapshot}")).await;
    assert_eq!(shown["group_snapshot"]["status"], "available");
    let act = format!("POST /volume/v3/groups/{id}/action");
    refused(&member.call(&act, json!({"delete": {"delete-volumes": false}})).await, 400, "badRequest", "not empty");
    refused(&member.call(&act, json!({"delete": {"delete-volumes": true}})).await, 400, "badRequest", "snapshots");

    let source = json!({"create-from-src": {"group_snapshot_id": snapshot, "name": "copy"}});
    let copy = expect(&member.call("POST /volume/v3/groups/action", source).await, 202);
    let copy = copy["group"]["id"].as_str().unwrap().to_owned();
    cloud.until("the copies", |view| (flows(view) == 0).then_some(())).await;
    let shown = show(&member, &format!("groups/{copy}?list_volume=True")).await;
    assert_eq!(shown["group"]["volumes"].as_array().unwrap().len(), 1);

    expect(&member.call(&format!("DELETE /volume/v3/group_snapshots/{snapshot}"), None).await, 202);
    cloud.until("the group snapshot to go", |v| (!v.contains::<volume::GroupSnapshot>(&snapshot)).then_some(())).await;
    for id in [&id, &copy] {
        let delete = json!({"delete": {"delete-volumes": true}});
        expect(&member.call(&format!("POST /volume/v3/groups/{id}/action"), delete).await, 202);
        cloud.until("the group to go", |v| (!v.contains::<volume::Group>(id) && flows(v) == 0).then_some(())).await;
    }
    assert_eq!(cloud.volumes().len(), 0);
    cloud.assert_clean("groups gone, quotas too");
}

#[tokio::test]
async fn volumes_come_and_go() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let id = group(&member).await;
    let at = format!("PUT /volume/v3/groups/{id}");
    expect(&member.call(&at, json!({"group": {"add_volumes": volume}})).await, 202);
    assert_eq!(cloud.volume(&volume).group.as_deref(), Some(id.as_str()));
    expect(&member.call(&at, json!({"group": {"remove_volumes": volume, "name": "h"}})).await, 202);
    assert_eq!(cloud.volume(&volume).group, None);
    refused(
        &member.call(&at, json!({"group": {"remove_volumes": volume}})).await,
        400,
        "badRequest",
        "not in the group",
    );
    refused(&api.token("other").call(&at, json!({"group": {"name": "x"}})).await, 404, "itemNotFound", &id);
    let reset = format!("POST /volume/v3/groups/{id}/action");
    refused(&member.call(&reset, json!({"reset_status": {"status": "error"}})).await, 403, "forbidden", "reset_status");
    expect(&admin.call(&reset, json!({"reset_status": {"status": "error"}})).await, 202);
    assert_eq!(show(&member, &format!("groups/{id}")).await["group"]["status"], "error");
}

#[tokio::test]
async fn no_group_is_replicated() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let at = format!("POST /volume/v3/groups/{}/action", group(&member).await);
    for action in ["enable_replication", "disable_replication", "failover_replication", "list_replication_targets"] {
        refused(&member.call(&at, json!({action: {}})).await, 400, "badRequest", "not a replication group type");
        refused(&api.token("reader").call(&at, json!({action: {}})).await, 403, "forbidden", action);
    }
}
