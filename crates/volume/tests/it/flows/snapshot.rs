use super::{ask, failed, register};
use crate::world::{Cloud, expect, refused, snapshot};
use ::volume::Snapshot;
use async_trait::async_trait;
use flow::{
    EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::FlowId;
use serde_json::json;
use store::Store;

fn statuses(cloud: &Cloud) -> Vec<&'static str> {
    cloud.store.snapshot().all::<Snapshot>().map(|s| s.status.as_str()).collect()
}

struct Made(Cloud, String);

#[async_trait]
impl World for Made {
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
        ask(&self.0, starter, "POST /volume/v3/snapshots", json!({"snapshot": {"volume_id": self.1}})).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let (expected, held) = if failed(disturbance) { ("error", 0) } else { ("available", 1) };
        assert_eq!(statuses(&self.0), [expected], "{disturbance:?}");
        assert_eq!(self.0.pools.held()[&self.1].snapshots.len(), held, "{disturbance:?}");
        self.0.assert_clean(&format!("{disturbance:?}"));
    }
}

#[tokio::test]
async fn taking_a_snapshot_survives_everything() {
    torture::<Made>().await;
}

struct Removed(Cloud, String, String);

#[async_trait]
impl World for Removed {
    async fn new() -> Self {
        let (cloud, id) = Cloud::with_volume(1).await;
        let (api, _engine) = cloud.process();
        let snapshot = snapshot(&api.token("member"), &id).await;
        cloud.reach_snapshot(&snapshot, "available").await;
        Self(cloud, id, snapshot)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        ask(&self.0, starter, &format!("DELETE /volume/v3/snapshots/{}", self.2), None).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let expected: &[&str] = if failed(disturbance) { &["error_deleting"] } else { &[] };
        assert_eq!(statuses(&self.0), expected, "{disturbance:?}");
        let held = self.0.pools.held()[&self.1].snapshots.len();
        assert!(failed(disturbance) || held == 0, "{disturbance:?}: the pool has it still");
        self.0.assert_clean(&format!("{disturbance:?}"));
    }
}

#[tokio::test]
async fn removing_a_snapshot_survives_everything() {
    torture::<Removed>().await;
}

#[tokio::test]
async fn a_volume_with_a_snapshot_is_not_deleted() {
    let (cloud, id) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let snapshot = snapshot(&member, &id).await;
    let delete = format!("DELETE /volume/v3/volumes/{id}");
    refused(&member.call(&delete, None).await, 400, "badRequest", "dependent snapshots");
    cloud.reach_snapshot(&snapshot, "available").await;
    expect(&member.call(&format!("DELETE /volume/v3/snapshots/{snapshot}"), None).await, 202);
    let none = |view: &store::Snapshot| (view.count::<Snapshot>() == 0).then_some(());
    cloud.until("the snapshot to go", none).await;
    expect(&member.call(&delete, None).await, 202);
    cloud.gone(&id).await;
    cloud.assert_clean("all gone");
}
