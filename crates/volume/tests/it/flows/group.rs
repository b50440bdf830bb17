//! Groups and their snapshots, of two volumes, under torture: all of them or none.

use super::{ask, failed, register};
use crate::world::{Cloud, create, expect, flows};
use ::volume::{Group, GroupSnapshot, Snapshot};
use async_trait::async_trait;
use flow::{
    EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{Error, FlowId};
use serde_json::{Value, json};
use store::Store;

/// A cloud with a group of two volumes, and, if wanted, a snapshot of it.
struct Grouped {
    cloud: Cloud,
    group: String,
    snapshot: String,
}

impl Grouped {
    async fn new(with_snapshot: bool) -> Self {
        let cloud = Cloud::new().await;
        let (api, _engine) = cloud.process();
        let member = api.token("member");
        let kind =
            expect(&member.call("GET /volume/v3/group_types/default", None).await, 200)["group_type"]["id"].take();
        let body = json!({"group": {"group_type": kind, "volume_types": ["__DEFAULT__"]}});
        let made = expect(&member.call("POST /volume/v3/groups", body).await, 202);
        let group = made["group"]["id"].as_str().unwrap().to_owned();
        for _ in 0..2 {
            let volume = create(&member, json!({"size": 1, "group_id": group})).await;
            cloud.reach(&volume, "available").await;
        }
        let mut snapshot = String::new();
        if with_snapshot {
            let body = json!({"group_snapshot": {"group_id": group}});
            let made = expect(&member.call("POST /volume/v3/group_snapshots", body).await, 202);
            snapshot = made["group_snapshot"]["id"].as_str().unwrap().to_owned();
            cloud.until("the group snapshot", |view| (flows(view) == 0).then_some(())).await;
        }
        Self { cloud, group, snapshot }
    }

    fn statuses(&self, of: &str) -> Vec<&'static str> {
        let view = self.cloud.store.snapshot();
        view.by(::volume::Volume::BY_GROUP, of).map(|v| v.status.as_str()).collect()
    }

    fn snapshots(&self) -> Vec<&'static str> {
        self.cloud.store.snapshot().all::<Snapshot>().map(|s| s.status.as_str()).collect()
    }

    /// How many snapshots the pool holds.
    fn taken(&self) -> usize {
        self.cloud.pools.held().values().map(|held| held.snapshots.len()).sum()
    }
}

macro_rules! world {
    ($name:ident, $snapshot:literal, $request:expr) => {
        struct $name(Grouped);

        #[async_trait]
        impl World for $name {
            async fn new() -> Self {
                Self(Grouped::new($snapshot).await)
            }
            fn store(&self) -> Store {
                self.0.cloud.store.clone()
            }
            fn register(&self, engine: EngineBuilder) -> EngineBuilder {
                register(&self.0.cloud, engine)
            }
            async fn start(&self, starter: &Starter) -> FlowId {
                let request: fn(&Grouped) -> (String, Value) = $request;
                let (request, body) = request(&self.0);
                ask(&self.0.cloud, starter, &request, body).await
            }
            async fn check(&self, disturbance: Disturbance) {
                self.look(disturbance);
                self.0.cloud.assert_clean(&format!("{disturbance:?}"));
            }
        }
    };
}

world!(Copied, true, |w| (
    "POST /volume/v3/groups/action".into(),
    json!({"create-from-src": {"group_snapshot_id": w.snapshot, "name": "copy"}})
));

impl Copied {
    fn look(&self, disturbance: Disturbance) {
        let view = self.0.cloud.store.snapshot();
        let copy = view.all::<Group>().find(|g| g.name.as_deref() == Some("copy")).expect("the record stays");
        let (status, held) = if failed(disturbance) { ("error", 2) } else { ("available", 4) };
        assert_eq!(self.0.statuses(&copy.id), [status; 2], "{disturbance:?}");
        assert_eq!((copy.status(&view).as_str(), self.0.cloud.pools.held().len()), (status, held), "{disturbance:?}");
    }
}

#[tokio::test]
async fn making_a_group_of_another_survives_everything() {
    torture::<Copied>().await;
}

world!(Removed, false, |w| (
    format!("POST /volume/v3/groups/{}/action", w.group),
    json!({"delete": {"delete-volumes": true}})
));

impl Removed {
    fn look(&self, disturbance: Disturbance) {
        let expected: &[&str] = if failed(disturbance) { &["error_deleting"; 2] } else { &[] };
        assert_eq!(self.0.statuses(&self.0.group), expected, "{disturbance:?}");
        let left = self.0.cloud.store.snapshot().contains::<Group>(&self.0.group);
        assert_eq!(left, failed(disturbance), "{disturbance:?}");
    }
}

#[tokio::test]
async fn removing_a_group_survives_everything() {
    torture::<Removed>().await;
}

world!(Taken, false, |w| ("POST /volume/v3/group_snapshots".into(), json!({"group_snapshot": {"group_id": w.group}})));

impl Taken {
    fn look(&self, disturbance: Disturbance) {
        let (status, taken) = if failed(disturbance) { ("error", 0) } else { ("available", 2) };
        assert_eq!((self.0.snapshots(), self.0.taken()), (vec![status; 2], taken), "{disturbance:?}");
    }
}

#[tokio::test]
async fn a_snapshot_of_a_group_survives_everything() {
    torture::<Taken>().await;
}

world!(Dropped, true, |w| (format!("DELETE /volume/v3/group_snapshots/{}", w.snapshot), json!({})));

impl Dropped {
    fn look(&self, disturbance: Disturbance) {
        let (expected, taken): (&[&str], _) = if failed(disturbance) { (&["error_deleting"; 2], 2) } else { (&[], 0) };
        assert_eq!((self.0.snapshots().as_slice(), self.0.taken()), (expected, taken), "{disturbance:?}");
        let left = self.0.cloud.store.snapshot().contains::<GroupSnapshot>(&self.0.snapshot);
        assert_eq!(left, failed(disturbance), "{disturbance:?}");
    }
}

#[tokio::test]
async fn removing_a_snapshot_of_a_group_survives_everything() {
    torture::<Dropped>().await;
}

/// A pool that refuses the second copy leaves nothing of the first.
#[tokio::test]
async fn half_a_group_is_none() {
    let world = Grouped::new(true).await;
    let (cloud, (api, _engine)) = (&world.cloud, world.cloud.process());
    cloud.pools.refuse_from("volume.create", 1, Error::too_large("the pool's disk is full"));
    let source = json!({"create-from-src": {"source_group_id": world.group, "name": "copy"}});
    expect(&api.token("member").call("POST /volume/v3/groups/action", source).await, 202);
    cloud.until("the copies to fail", |view| (flows(view) == 0).then_some(())).await;
    let view = cloud.store.snapshot();
    let copy = view.all::<Group>().find(|g| g.name.as_deref() == Some("copy")).unwrap();
    assert_eq!((world.statuses(&copy.id), cloud.pools.held().len()), (vec!["error"; 2], 2));
    cloud.assert_clean("nothing of it is left");
}
