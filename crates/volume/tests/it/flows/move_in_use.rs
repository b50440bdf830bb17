//! Volumes that a guest has on their way to another pool, under torture: guest, record and attachment agree on where they are, and they
//! are nowhere else.

use super::{
    ask_as, failed,
    migrate::{BULK, bulk_type},
};
use crate::world::{Cloud, P1, SERVER, expect, flows, pool::Guest, refused};
use async_trait::async_trait;
use flow::{
    Engine, EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{FlowId, SystemClock};
use ports::{AttachRequest, Volumes};
use serde_json::{Value, json};
use store::Store;
use volume::Attachment;

/// Where the only guest finds its volume.
fn target(cloud: &Cloud, id: &str) -> Value {
    let view = cloud.store.snapshot();
    let attachment = view.by(Attachment::BY_VOLUME, id).next().expect("an attachment");
    serde_json::to_value(&attachment.target).unwrap()
}

/// A volume that the guest has, as compute gives it.
async fn attached(cloud: &Cloud, id: &str) {
    let service = cloud.service(&Starter::new("compute".into()));
    let request = AttachRequest {
        attachment: "44444444-4444-4444-8444-444444444444".into(),
        volume: id.into(),
        server: SERVER.into(),
        read_only: false,
    };
    let (compute, asked) = (service.clone(), request.clone());
    cloud.store.transact("test", move |tx| compute.reserve(tx, &asked, &P1.into())).await.unwrap();
    service.connect(&request.attachment, &"h1".into()).await.unwrap();
    let done = request.attachment.clone();
    cloud.store.transact("test", move |tx| service.complete(tx, &done, "/dev/vdb")).await.unwrap();
    cloud.pools.set_guest(Guest { generation: 7, at: target(cloud, id), mirror: Value::Null, ..Guest::default() });
}

const OLD_IOPS: u64 = 100;
const NEW_IOPS: u64 = 50;

/// Pools hold the users of volumes of a type to so many operations a second.
async fn limited(cloud: &Cloud, of: &str, iops: u64) {
    let (api, _engine) = cloud.process();
    let admin = api.token("admin");
    let specs = json!({"qos_specs": {"name": of, "consumer": "both", "total_iops_sec": iops.to_string()}});
    let made = expect(&admin.call("POST /volume/v3/qos-specs", specs).await, 200);
    let specs = made["qos_specs"]["id"].as_str().unwrap();
    expect(&admin.call(&format!("GET /volume/v3/qos-specs/{specs}/associate?vol_type_id={of}"), None).await, 202);
}

/// A volume in use, and a second back end. Another process carries out what the flow under torture starts.
struct InUse {
    cloud: Cloud,
    id: String,
    new_type: String,
    starter: Starter,
    _janitor: Engine,
}

impl InUse {
    async fn new() -> Self {
        let (cloud, id) = Cloud::with_volume(1).await;
        cloud.add_back_end("bulk").await;
        let new_type = bulk_type(&cloud).await;
        limited(&cloud, &cloud.volume(&id).volume_type, OLD_IOPS).await;
        limited(&cloud, &new_type, NEW_IOPS).await;
        attached(&cloud, &id).await;
        let starter = Starter::new("janitor".into());
        let janitor = ::volume::flows(EngineBuilder::new(starter.clone()), &cloud.service(&starter));
        let _janitor = janitor.run(cloud.store.clone(), SystemClock::shared());
        Self { cloud, id, new_type, starter, _janitor }
    }

    async fn act(&self, who: &str, starter: &Starter, action: Value) -> FlowId {
        let act = format!("POST /volume/v3/volumes/{}/action", self.id);
        ask_as(who, &self.cloud, starter, &act, action).await
    }

    async fn check(&self, disturbance: Disturbance, typed: bool) {
        self.cloud.until("what was left behind to go", |view| (flows(view) == 0).then_some(())).await;
        let volume = self.cloud.volume(&self.id);
        let stayed = failed(disturbance);
        let (pool, migration) = if stayed { ("h1@fake#paper", "error") } else { (BULK, "success") };
        assert_eq!(
            (volume.status.as_str(), volume.pool.as_deref(), volume.migration.as_deref()),
            ("in-use", Some(pool), Some(migration)),
            "{disturbance:?}"
        );
        assert_eq!(volume.volume_type == self.new_type, typed && !stayed, "{disturbance:?}");
        assert_eq!(self.cloud.pools.held().len(), 1, "{disturbance:?}: it lies on one pool");
        let guest = self.cloud.pools.guest();
        let told = guest.limits.total_iops_sec;
        assert!(stayed || told == Some(if typed { NEW_IOPS } else { OLD_IOPS }), "{disturbance:?}: {told:?}");
        assert_eq!((guest.at, guest.mirror), (target(&self.cloud, &self.id), Value::Null), "{disturbance:?}");
        let held = self.cloud.pools.held().into_values().next().unwrap();
        assert!(held.exported, "{disturbance:?}: the guest still has it");
        let iops = if typed && !stayed { NEW_IOPS } else { OLD_IOPS };
        assert_eq!(
            held.limits,
            json!({"total_iops_sec": iops}),
            "{disturbance:?}: its pool holds the guest to its type's limits"
        );
        self.cloud.assert_clean(&format!("{disturbance:?}"));
    }
}

macro_rules! world {
    ($world:ident, $who:literal, $action:expr, $typed:literal) => {
        struct $world(InUse);

        #[async_trait]
        impl World for $world {
            async fn new() -> Self {
                Self(InUse::new().await)
            }
            fn store(&self) -> Store {
                self.0.cloud.store.clone()
            }
            fn register(&self, engine: EngineBuilder) -> EngineBuilder {
                ::volume::flows(engine, &self.0.cloud.service(&self.0.starter))
            }
            async fn start(&self, starter: &Starter) -> FlowId {
                self.0.act($who, starter, $action).await
            }
            async fn check(&self, disturbance: Disturbance) {
                self.0.check(disturbance, $typed).await;
            }
        }
    };
}

world!(Moved, "admin", json!({"os-migrate_volume": {"host": BULK}}), false);
world!(Retyped, "member", json!({"os-retype": {"new_type": "bulk", "migration_policy": "on-demand"}}), true);

#[tokio::test]
async fn moving_under_a_guest_survives_everything() {
    torture::<Moved>().await;
}

#[tokio::test]
async fn moving_under_a_guest_for_a_type_survives_everything() {
    torture::<Retyped>().await;
}

/// What would be in the way of a volume that is moving waits, and what cannot be moved is told so.
#[tokio::test]
async fn a_volume_on_its_way_is_left_alone() {
    let world = InUse::new().await;
    let (cloud, id) = (&world.cloud, world.id.as_str());
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let act = format!("POST /volume/v3/volumes/{id}/action");
    let to_bulk = json!({"os-migrate_volume": {"host": BULK}});
    let guest = cloud.pools.guest();
    cloud.pools.set_guest(Guest { generation: 0, ..guest.clone() });
    refused(&admin.call(&act, to_bulk.clone()).await, 400, "badRequest", "does not run");
    cloud.pools.set_guest(guest.clone());

    cloud.pools.refuse("vm.mirror_disk", kernel::Error::unavailable("busy"));
    expect(&admin.call(&act, to_bulk.clone()).await, 202);
    let status = cloud.volume(id);
    assert_eq!((status.status.as_str(), status.migration.as_deref()), ("in-use", Some("migrating")));
    let snapshot = json!({"snapshot": {"volume_id": id, "force": true}});
    let backup = json!({"backup": {"volume_id": id, "force": true}});
    let clone = json!({"volume": {"source_volid": id}});
    for (request, body) in [
        (act.as_str(), to_bulk),
        (&act, json!({"os-extend": {"new_size": 2}})),
        (&act, json!({"os-volume_upload_image": {"image_name": "i", "force": true}})),
        (&act, json!({"os-begin_detaching": {}})),
        ("POST /volume/v3/snapshots", snapshot),
        ("POST /volume/v3/backups", backup),
        ("POST /volume/v3/volumes", clone),
    ] {
        refused(&admin.call(request, body).await, 400, "badRequest", "must not be migrating");
    }
    cloud.pools.heal();
    let moved = cloud.reach(id, "in-use").await;
    assert_eq!((moved.pool.as_deref(), cloud.pools.guest().at), (Some(BULK), target(cloud, id)));
    // Its guest is ended while it is mirrored: it stays where it is.
    cloud.pools.refuse("vm.mirror_disk", kernel::Error::conflict("the guest has ended"));
    expect(&admin.call(&act, json!({"os-migrate_volume": {"host": "h1@fake#paper"}})).await, 202);
    let stayed = cloud.reach(id, "in-use").await;
    assert_eq!((stayed.pool.as_deref(), stayed.migration.as_deref()), (Some(BULK), Some("error")));
    assert!(stayed.fault.as_deref().is_some_and(|why| why.contains("ended")), "{:?}", stayed.fault);
    drop(member);
    cloud.assert_clean("it stayed");
}

/// A pool that has no ear for limits while its guest waits hears of them later.
#[tokio::test]
async fn limits_follow_a_volume_to_a_pool_that_did_not_listen() {
    let world = InUse::new().await;
    let (cloud, id) = (&world.cloud, world.id.as_str());
    let (api, _engine) = cloud.process();
    let act = format!("POST /volume/v3/volumes/{id}/action");
    cloud.pools.refuse("volume.limit", kernel::Error::unavailable("busy"));
    expect(&api.token("admin").call(&act, json!({"os-migrate_volume": {"host": BULK}})).await, 202);
    let moved = cloud.reach(id, "in-use").await;
    assert_eq!((moved.pool.as_deref(), cloud.pools.guest().at), (Some(BULK), target(cloud, id)));
    let limits = || cloud.pools.held().into_values().next().unwrap().limits;
    assert_eq!(limits(), Value::Null);
    let reconcilers = ::volume::reconcilers(&cloud.service(&world.starter));
    let reconciler = reconcilers.iter().find(|r| r.name() == "volume.pool_limits").unwrap();
    assert!(reconciler.reconcile().await.is_err(), "it says that it is to be called again");
    cloud.pools.heal();
    reconciler.reconcile().await.unwrap();
    assert_eq!(limits(), json!({"total_iops_sec": OLD_IOPS}));
    // A type of the same pool: the same without a move.
    let body = json!({"volume_type": {"name": "slow", "extra_specs": {"volume_backend_name": "bulk"}}});
    let made = expect(&api.token("admin").call("POST /volume/v3/types", body).await, 200);
    limited(cloud, made["volume_type"]["id"].as_str().unwrap(), 7).await;
    let retype = json!({"os-retype": {"new_type": "slow", "migration_policy": "never"}});
    expect(&api.token("member").call(&act, retype).await, 202);
    cloud.reach(id, "in-use").await;
    reconciler.reconcile().await.unwrap();
    assert_eq!(limits(), json!({"total_iops_sec": 7}));
    cloud.assert_clean("limited");
}
