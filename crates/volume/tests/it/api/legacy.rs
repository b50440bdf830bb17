//! Attaching by actions, growing what is attached, and new kinds of volumes.

use crate::world::{Cloud, SERVER, expect, refused};
use serde_json::json;

#[tokio::test]
async fn a_volume_is_attached_by_actions() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let at = format!("POST /volume/v3/volumes/{volume}/action");
    let status = || cloud.volume(&volume).status.as_str();
    for (name, expected) in [("os-reserve", "attaching"), ("os-unreserve", "available"), ("os-reserve", "attaching")] {
        expect(&member.call(&at, json!({name: {}})).await, 202);
        assert_eq!(status(), expected, "{name}");
    }
    let connector = json!({"os-initialize_connection": {"connector": {"host": "h1"}}});
    let info = expect(&member.call(&at, connector).await, 200);
    assert_eq!(info["connection_info"]["driver_volume_type"], "fake");
    let attach = json!({"os-attach": {"instance_uuid": SERVER, "mountpoint": "/dev/vdb"}});
    expect(&member.call(&at, attach).await, 202);
    assert_eq!(status(), "in-use");
    for (name, expected) in [("os-begin_detaching", "detaching"), ("os-roll_detaching", "in-use")] {
        expect(&member.call(&at, json!({name: {}})).await, 202);
        assert_eq!(status(), expected, "{name}");
    }
    expect(&member.call(&at, json!({"os-extend": {"new_size": 2}})).await, 202);
    let grown = cloud.reach(&volume, "in-use").await;
    assert_eq!(grown.size_gib, 2);
    let told = [(SERVER.to_owned(), format!("vol-{volume}"), 2 << 30)];
    assert_eq!(cloud.pools.told().into_iter().collect::<Vec<_>>(), told, "the guest knows");
    let early = member.with("openstack-api-version", "volume 3.41");
    refused(&early.call(&at, json!({"os-extend": {"new_size": 3}})).await, 400, "badRequest", "available");
    expect(&member.call(&at, json!({"os-detach": {}})).await, 202);
    assert_eq!((status(), cloud.pools.held()[&volume].exported), ("available", false));
    // What is not attached has nothing to detach, as Cinder has it.
    expect(&member.call(&at, json!({"os-detach": {}})).await, 202);
    let reader = api.token("reader");
    refused(&reader.call(&at, json!({"os-reserve": {}})).await, 403, "forbidden", "reserve");
    cloud.assert_clean("detached");
}

#[tokio::test]
async fn a_volume_goes_with_its_snapshots() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    for _ in 0..2 {
        let id = crate::world::snapshot(&member, &volume).await;
        cloud.reach_snapshot(&id, "available").await;
    }
    let delete = format!("DELETE /volume/v3/volumes/{volume}");
    refused(&member.call(&delete, None).await, 400, "badRequest", "snapshots");
    expect(&member.call(&format!("{delete}?cascade=True"), None).await, 202);
    cloud.gone(&volume).await;
    assert_eq!((cloud.store.snapshot().count::<volume::Snapshot>(), cloud.pools.held().len()), (0, 0));
    cloud.assert_clean("gone with its snapshots");
}

#[tokio::test]
async fn a_type_that_the_pool_does_not_offer_is_refused() {
    let (cloud, volume) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let (admin, member) = (api.token("admin"), api.token("member"));
    for (name, backend) in [("here", "fake"), ("there", "other")] {
        let body = json!({"volume_type": {"name": name, "extra_specs": {"volume_backend_name": backend}}});
        expect(&admin.call("POST /volume/v3/types", body).await, 200);
    }
    let at = format!("POST /volume/v3/volumes/{volume}/action");
    let there = member.call(&at, json!({"os-retype": {"new_type": "there"}})).await;
    refused(&there, 400, "badRequest", "wants volume_backend_name other");
    expect(&member.call(&at, json!({"os-retype": {"new_type": "here"}})).await, 202);
    let shown = expect(&member.call(&format!("GET /volume/v3/volumes/{volume}"), None).await, 200);
    assert_eq!(shown["volume"]["volume_type"], "here");
}
