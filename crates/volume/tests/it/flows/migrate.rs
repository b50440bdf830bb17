//! Volumes on their way to another pool, under torture: they are where they were or where they are to be, and nowhere else.

use super::{ask_as, failed};
use crate::world::{Cloud, create, expect, flows, refused, snapshot};
use async_trait::async_trait;
use flow::{
    Engine, EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{FlowId, SystemClock};
use serde_json::{Value, json};
use store::Store;

pub(super) const BULK: &str = "h1@bulk#paper";

/// A volume, and a second back end. Another process carries out what the flow under torture starts.
struct Two(Cloud, String, Starter, #[expect(dead_code, reason = "runs until dropped")] Engine);

impl Two {
    async fn new() -> Self {
        let (cloud, id) = Cloud::with_volume(1).await;
        cloud.add_back_end("bulk").await;
        let starter = Starter::new("janitor".into());
        let janitor = ::volume::flows(EngineBuilder::new(starter.clone()), &cloud.service(&starter));
        let engine = janitor.run(cloud.store.clone(), SystemClock::shared());
        Self(cloud, id, starter, engine)
    }

    async fn check(&self, disturbance: Disturbance, new_type: Option<&str>) {
        self.0.until("what was left behind to go", |view| (flows(view) == 0).then_some(())).await;
        let volume = self.0.volume(&self.1);
        let (pool, migration) = if failed(disturbance) { ("h1@fake#paper", "error") } else { (BULK, "success") };
        assert_eq!(
            (volume.status.as_str(), volume.pool.as_deref(), volume.migration.as_deref()),
            ("available", Some(pool), Some(migration)),
            "{disturbance:?}"
        );
        if let Some(new_type) = new_type {
            assert_eq!(volume.volume_type == new_type, !failed(disturbance), "{disturbance:?}");
        }
        assert_eq!(self.0.pools.held().len(), 1, "{disturbance:?}: it lies on one pool");
        self.0.assert_clean(&format!("{disturbance:?}"));
    }
}

struct Migrated(Two);

#[async_trait]
impl World for Migrated {
    async fn new() -> Self {
        Self(Two::new().await)
    }
    fn store(&self) -> Store {
        self.0.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        ::volume::flows(engine, &self.0.0.service(&self.0.2))
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let act = format!("POST /volume/v3/volumes/{}/action", self.0.1);
        ask_as("admin", &self.0.0, starter, &act, json!({"os-migrate_volume": {"host": BULK}})).await
    }
    async fn check(&self, disturbance: Disturbance) {
        self.0.check(disturbance, None).await;
    }
}

#[tokio::test]
async fn moving_survives_everything() {
    torture::<Migrated>().await;
}

/// A type of the other back end.
pub(super) async fn bulk_type(cloud: &Cloud) -> String {
    let (api, _engine) = cloud.process();
    let body = json!({"volume_type": {"name": "bulk", "extra_specs": {"volume_backend_name": "bulk"}}});
    let made = expect(&api.token("admin").call("POST /volume/v3/types", body).await, 200);
    made["volume_type"]["id"].as_str().unwrap().to_owned()
}

struct Retyped(Two, String);

#[async_trait]
impl World for Retyped {
    async fn new() -> Self {
        let two = Two::new().await;
        let new_type = bulk_type(&two.0).await;
        Self(two, new_type)
    }
    fn store(&self) -> Store {
        self.0.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        ::volume::flows(engine, &self.0.0.service(&self.0.2))
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let act = format!("POST /volume/v3/volumes/{}/action", self.0.1);
        let retype = json!({"os-retype": {"new_type": "bulk", "migration_policy": "on-demand"}});
        ask_as("member", &self.0.0, starter, &act, retype).await
    }
    async fn check(&self, disturbance: Disturbance) {
        self.0.check(disturbance, Some(&self.1)).await;
    }
}

#[tokio::test]
async fn moving_for_a_type_survives_everything() {
    torture::<Retyped>().await;
}

#[tokio::test]
async fn what_cannot_be_moved_is_refused() {
    let (cloud, id) = Cloud::with_volume(1).await;
    cloud.add_back_end("bulk").await;
    bulk_type(&cloud).await;
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let act = format!("POST /volume/v3/volumes/{id}/action");
    let to = |host: &str| json!({"os-migrate_volume": {"host": host}});
    refused(&member.call(&act, to(BULK)).await, 403, "forbidden", "migrate_volume");
    refused(&admin.call(&act, to("h1@none#paper")).await, 400, "badRequest", "No available service");
    refused(&admin.call(&act, to("h1@fake")).await, 400, "badRequest", "different than the current host");
    refused(&admin.call(&act, Value::from_iter([("os-migrate_volume", json!({}))])).await, 400, "badRequest", "host");
    let never = json!({"os-retype": {"new_type": "bulk", "migration_policy": "never"}});
    refused(&member.call(&act, never).await, 400, "badRequest", "requires migration");
    let odd = json!({"os-retype": {"new_type": "bulk", "migration_policy": "odd"}});
    refused(&member.call(&act, odd).await, 400, "badRequest", "migration_policy");
    let taken = snapshot(&member, &id).await;
    cloud.reach_snapshot(&taken, "available").await;
    refused(&admin.call(&act, to(BULK)).await, 400, "badRequest", "snapshots");
    let done = json!({"os-migrate_volume_completion": {"new_volume": id, "error": false}});
    refused(&admin.call(&act, done).await, 400, "badRequest", "waits for completion");
    refused(&admin.call(&act, json!({"os-extend_volume_completion": {}})).await, 400, "badRequest", "waits");
    cloud.assert_clean("nothing has begun");
}

/// A new volume lies on the back end that its type names.
#[tokio::test]
async fn types_choose_back_ends() {
    let cloud = Cloud::new().await;
    cloud.add_back_end("bulk").await;
    bulk_type(&cloud).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let id = create(&member, json!({"size": 1, "volume_type": "bulk"})).await;
    assert_eq!(cloud.reach(&id, "available").await.pool.as_deref(), Some(BULK));
    let body = json!({"volume_type": {"name": "odd", "extra_specs": {"storage_protocol": "smoke"}}});
    expect(&api.token("admin").call("POST /volume/v3/types", body).await, 200);
    let id = create(&member, json!({"size": 1, "volume_type": "odd"})).await;
    let fault = cloud.reach(&id, "error").await.fault.clone().unwrap();
    assert!(fault.contains("storage_protocol smoke"), "{fault}");
    cloud.assert_clean("types");
}
