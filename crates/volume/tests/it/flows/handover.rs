//! Volumes and snapshots let go and taken over, under torture, and what clients see of it.

use super::{ask_as, failed, register};
use crate::world::{Cloud, expect, flows, refused, snapshot};
use ::volume::{Snapshot, Volume};
use async_trait::async_trait;
use flow::{
    EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::FlowId;
use serde_json::{Value, json};
use store::Store;

fn of_volume(reference: &str) -> Value {
    json!({"volume": {"host": "h1@fake#paper", "ref": {"source-name": reference}, "name": "taken"}})
}

struct Managed(Cloud);

#[async_trait]
impl World for Managed {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        cloud.pools.lay("old", 3);
        Self(cloud)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        ask_as("admin", &self.0, starter, "POST /volume/v3/manageable_volumes", of_volume("old")).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let volume = self.0.volumes().pop().expect("the record stays");
        let expected = if failed(disturbance) { ("error_managing", 0, 1) } else { ("available", 3, 0) };
        let found = (volume.status.as_str(), volume.size_gib, self.0.pools.lying().len());
        assert_eq!(found, expected, "{disturbance:?}");
        self.0.assert_clean(&format!("{disturbance:?}"));
    }
}

#[tokio::test]
async fn taking_a_volume_over_survives_everything() {
    torture::<Managed>().await;
}

struct LetGo(Cloud, String);

#[async_trait]
impl World for LetGo {
    async fn new() -> Self {
        let (cloud, id) = Cloud::with_volume(1).await;
        Self(cloud, id)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let act = format!("POST /volume/v3/volumes/{}/action", self.1);
        ask_as("admin", &self.0, starter, &act, json!({"os-unmanage": {}})).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let left = self.0.store.snapshot().get::<Volume>(&self.1).map(|v| v.status.as_str());
        let expected = if failed(disturbance) { Some("error_unmanaging") } else { None };
        assert_eq!(left, expected, "{disturbance:?}");
        let lies = self.0.pools.lying() == [format!("volume-{}", self.1)];
        assert_eq!(lies, !failed(disturbance), "{disturbance:?}");
        self.0.assert_clean(&format!("{disturbance:?}"));
    }
}

#[tokio::test]
async fn letting_a_volume_go_survives_everything() {
    torture::<LetGo>().await;
}

#[tokio::test]
async fn snapshots_are_let_go_and_taken_over() {
    let (cloud, id) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let old = snapshot(&member, &id).await;
    cloud.reach_snapshot(&old, "available").await;
    let unmanage = format!("POST /volume/v3/snapshots/{old}/action");
    refused(&member.call(&unmanage, json!({"os-unmanage": {}})).await, 403, "forbidden", "unmanage");
    expect(&admin.call(&unmanage, json!({"os-unmanage": {}})).await, 202);
    cloud.until("it to go", |v| (!v.contains::<Snapshot>(&old) && flows(v) == 0).then_some(())).await;
    assert_eq!(cloud.pools.lying(), [format!("_snapshot-{old}")]);
    cloud.assert_clean("let go");
    let take = |reference: &str| json!({"snapshot": {"volume_id": id, "ref": {"source-name": reference}, "name": "t"}});
    let made = expect(&admin.call("POST /volume/v3/os-snapshot-manage", take("_snapshot-of-none")).await, 202);
    cloud.reach_snapshot(made["snapshot"]["id"].as_str().unwrap(), "error").await;
    let made = expect(&admin.call("POST /volume/v3/os-snapshot-manage", take(&format!("_snapshot-{old}"))).await, 202);
    cloud.reach_snapshot(made["snapshot"]["id"].as_str().unwrap(), "available").await;
    cloud.assert_clean("taken over");
}

#[tokio::test]
async fn what_lies_on_a_back_end_is_listed() {
    let (cloud, id) = Cloud::with_volume(1).await;
    cloud.pools.lay("old", 3);
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let at = "GET /volume/v3/manageable_volumes/detail?host=h1@fake&sort=size:asc";
    refused(&member.call(at, None).await, 403, "forbidden", "list_manageable");
    let found = expect(&admin.call(at, None).await, 200);
    let row = |name: String, size: u64, known: Option<&str>| {
        json!({
            "reference": {"source-name": name}, "size": size, "safe_to_manage": known.is_none(),
            "reason_not_safe": known.map(|_| "already managed"), "cinder_id": known, "extra_info": null,
        })
    };
    let expected = json!([row(format!("volume-{id}"), 1, Some(&id)), row("old".into(), 3, None)]);
    assert_eq!(found["manageable-volumes"], expected);
    let bad = |query: &str| format!("GET /volume/v3/manageable_volumes{query}");
    refused(&admin.call(&bad(""), None).await, 400, "badRequest", "host");
    refused(&admin.call(&bad("?host=h1@fake&sort=name"), None).await, 400, "badRequest", "sort");
    let nowhere = json!({"volume": {"host": "h9@x", "ref": {"source-name": "old"}}});
    assert_eq!(admin.call("POST /volume/v3/os-volume-manage", nowhere).await.status, 503);
    let unnamed = json!({"volume": {"host": "h1@fake", "ref": {"source-id": "old"}}});
    refused(&admin.call("POST /volume/v3/os-volume-manage", unnamed).await, 400, "badRequest", "source-name");
}
