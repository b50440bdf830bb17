//! Backups made, removed and restored, and a volume turned back, under torture.

use super::{ask, failed, register};
use crate::world::{Cloud, backup, expect, flows, snapshot};
use ::volume::{Backup, Volume};
use async_trait::async_trait;
use flow::{
    Engine, EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{FlowId, SystemClock};
use serde_json::json;
use std::pin::Pin;
use store::Store;

/// A cloud with a volume, and what the case works on.
macro_rules! world {
    ($name:ident, $prepare:expr, $request:expr) => {
        struct $name(Cloud, String, String);

        #[async_trait]
        impl World for $name {
            async fn new() -> Self {
                let (cloud, volume) = Cloud::with_volume(1).await;
                let prepare: fn(&Cloud, &str) -> _ = $prepare;
                let what: String = prepare(&cloud, &volume).await;
                Self(cloud, volume, what)
            }
            fn store(&self) -> Store {
                self.0.store.clone()
            }
            fn register(&self, engine: EngineBuilder) -> EngineBuilder {
                register(&self.0, engine)
            }
            async fn start(&self, starter: &Starter) -> FlowId {
                let request: fn(&str, &str) -> _ = $request;
                let (request, body): (String, serde_json::Value) = request(&self.1, &self.2);
                ask(&self.0, starter, &request, body).await
            }
            async fn check(&self, disturbance: Disturbance) {
                self.look(disturbance);
                self.0.assert_clean(&format!("{disturbance:?}"));
            }
        }
    };
}

type Prepared = Pin<Box<dyn Future<Output = String> + Send>>;

fn nothing(_: &Cloud, _: &str) -> Prepared {
    Box::pin(async { String::new() })
}

fn with_backup(cloud: &Cloud, volume: &str) -> Prepared {
    let (cloud, volume) = (cloud.clone(), volume.to_owned());
    Box::pin(async move {
        let (api, _engine) = cloud.process();
        backup(&cloud, &api.token("member"), json!({"volume_id": volume})).await
    })
}

fn with_snapshot(cloud: &Cloud, volume: &str) -> Prepared {
    let (cloud, volume) = (cloud.clone(), volume.to_owned());
    Box::pin(async move {
        let (api, _engine) = cloud.process();
        let id = snapshot(&api.token("member"), &volume).await;
        cloud.reach_snapshot(&id, "available").await;
        id
    })
}

fn backups(cloud: &Cloud) -> Vec<&'static str> {
    cloud.store.snapshot().all::<Backup>().map(|b| b.status.as_str()).collect()
}

world!(Made, nothing, |volume, _| ("POST /volume/v3/backups".into(), json!({"backup": {"volume_id": volume}})));

impl Made {
    fn look(&self, disturbance: Disturbance) {
        let (expected, kept) = if failed(disturbance) { ("error", 0) } else { ("available", 1) };
        assert_eq!((backups(&self.0), self.0.pools.kept().len()), (vec![expected], kept), "{disturbance:?}");
        assert_eq!(self.0.volume(&self.1).status.as_str(), "available", "{disturbance:?}");
    }
}

#[tokio::test]
async fn backing_up_survives_everything() {
    torture::<Made>().await;
}

world!(Removed, with_backup, |_, backup| (format!("DELETE /volume/v3/backups/{backup}"), json!({})));

impl Removed {
    fn look(&self, disturbance: Disturbance) {
        let expected: &[&str] = if failed(disturbance) { &["error_deleting"] } else { &[] };
        assert_eq!(backups(&self.0), expected, "{disturbance:?}");
        assert!(failed(disturbance) || self.0.pools.kept().is_empty(), "{disturbance:?}");
    }
}

#[tokio::test]
async fn removing_a_backup_survives_everything() {
    torture::<Removed>().await;
}

world!(Restored, with_backup, |volume, backup| (
    format!("POST /volume/v3/backups/{backup}/restore"),
    json!({"restore": {"volume_id": volume}})
));

impl Restored {
    fn look(&self, disturbance: Disturbance) {
        let expected = if failed(disturbance) { "error_restoring" } else { "available" };
        assert_eq!(self.0.volume(&self.1).status.as_str(), expected, "{disturbance:?}");
        assert_eq!(backups(&self.0), ["available"], "{disturbance:?}");
        assert!(failed(disturbance) || self.0.pools.held()[&self.1].rewritten > 0, "{disturbance:?}");
    }
}

#[tokio::test]
async fn restoring_survives_everything() {
    torture::<Restored>().await;
}

world!(RestoredAnew, with_backup, |_, backup| (
    format!("POST /volume/v3/backups/{backup}/restore"),
    json!({"restore": {"name": "again"}})
));

impl RestoredAnew {
    fn look(&self, disturbance: Disturbance) {
        let again = self.0.store.snapshot().all::<Volume>().find(|v| *v.id != *self.1).unwrap();
        let (expected, held) = if failed(disturbance) { ("error", 1) } else { ("available", 2) };
        assert_eq!((again.status.as_str(), self.0.pools.held().len()), (expected, held), "{disturbance:?}");
        assert_eq!(backups(&self.0), ["available"], "{disturbance:?}");
    }
}

#[tokio::test]
async fn restoring_anew_survives_everything() {
    torture::<RestoredAnew>().await;
}

/// Backed up on one host, and at home on another since.
fn with_backup_elsewhere(cloud: &Cloud, volume: &str) -> Prepared {
    let (cloud, volume) = (cloud.clone(), volume.to_owned());
    Box::pin(async move {
        let kept = with_backup(&cloud, &volume).await;
        let (api, _engine) = cloud.process();
        cloud.add_host().await;
        let migrate = json!({"os-migrate_volume": {"host": "h2@fake#paper"}});
        expect(&api.token("admin").call(&format!("POST /volume/v3/volumes/{volume}/action"), migrate).await, 202);
        cloud.until("the volume to move", |view| (flows(view) == 0).then_some(())).await;
        kept
    })
}

/// Another process carries out what the flow under torture starts.
struct RestoredElsewhere(Cloud, String, String, #[expect(dead_code, reason = "runs until dropped")] Engine);

#[async_trait]
impl World for RestoredElsewhere {
    async fn new() -> Self {
        let (cloud, volume) = Cloud::with_volume(1).await;
        let kept = with_backup_elsewhere(&cloud, &volume).await;
        let starter = Starter::new("janitor".into());
        let janitor = ::volume::flows(EngineBuilder::new(starter.clone()), &cloud.service(&starter));
        let engine = janitor.run(cloud.store.clone(), SystemClock::shared());
        Self(cloud, volume, kept, engine)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let restore = format!("POST /volume/v3/backups/{}/restore", self.2);
        ask(&self.0, starter, &restore, json!({"restore": {"volume_id": self.1}})).await
    }
    async fn check(&self, disturbance: Disturbance) {
        self.0.until("what was staged to go", |view| (flows(view) == 0).then_some(())).await;
        let expected = if failed(disturbance) { "error_restoring" } else { "available" };
        assert_eq!(self.0.volume(&self.1).status.as_str(), expected, "{disturbance:?}");
        assert_eq!(backups(&self.0), ["available"], "{disturbance:?}");
        let held = self.0.pools.held();
        assert_eq!(held.len(), 1, "{disturbance:?}: it lies on one pool: {held:?}");
        assert!(failed(disturbance) || held[&format!("h2/fake/{}", self.1)].rewritten > 0, "{disturbance:?}");
        self.0.assert_clean(&format!("{disturbance:?}"));
    }
}

#[tokio::test]
async fn restoring_on_another_host_survives_everything() {
    torture::<RestoredElsewhere>().await;
}

world!(Reverted, with_snapshot, |volume, snapshot| (
    format!("POST /volume/v3/volumes/{volume}/action"),
    json!({"revert": {"snapshot_id": snapshot}})
));

impl Reverted {
    fn look(&self, disturbance: Disturbance) {
        let expected = if failed(disturbance) { "error" } else { "available" };
        assert_eq!(self.0.volume(&self.1).status.as_str(), expected, "{disturbance:?}");
        assert!(failed(disturbance) || self.0.pools.held()[&self.1].rewritten > 0, "{disturbance:?}");
    }
}

#[tokio::test]
async fn turning_back_survives_everything() {
    torture::<Reverted>().await;
}
