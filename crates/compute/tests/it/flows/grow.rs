//! Guests that are given another flavor while they run, on a host that they go to for that.

use super::{
    ask_by, assert_ended, failed,
    live::under_way,
    moving::{Janitor, act, host_of, settled},
    register,
    shape::asked,
    with_server,
};
use crate::world::{Cloud, IMAGE, NETWORK, expect, flows_of, id_of, placement::FakePlacer};
use async_trait::async_trait;
use compute::{
    Config,
    driver::VmState,
    flows::{live::LiveMigrate, moving::reshape::ReshapeServer},
    model::{ComputeHost, Migration, Server, reshape::Manner, vm::VmIntent},
};
use flow::{
    Engine, EngineBuilder, Flow, FlowRecord, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{FlowId, SystemClock};
use parking_lot::Mutex;
use ports::Placer;
use serde_json::{Value, json};
use store::{Store, WatchItem};

/// The host of the first server of a cloud, and the other one.
const HOME: &str = "h1";
const THERE: &str = "h2";
const WHY: &str = "its host has no room for it; the guest goes to another host while it runs; memory is lent by virtio-mem, from 128 to 192 MiB";

fn larger() -> Value {
    json!({"resize": {"flavorRef": "84"}})
}

/// A host has so much memory.
async fn has_memory(cloud: &Cloud, host: &'static str, memory_mib: u64) {
    let changed = cloud.store.transact("test", move |tx| {
        tx.update::<ComputeHost>(host, |h| h.capabilities.memory_mib = memory_mib);
        Ok(())
    });
    changed.await.unwrap();
}

/// A cloud with an active server, which its host has room for, and not for more.
async fn crowded() -> (Cloud, String) {
    let (cloud, id) = with_server().await;
    assert_eq!(host_of(&cloud, &id), HOME);
    has_memory(&cloud, HOME, 160).await;
    (cloud, id)
}

/// Where a server is, its memory, and what its guest has.
fn place(cloud: &Cloud, id: &str) -> (String, u64, u64) {
    let guest = cloud.hosts.guests().into_iter().find(|(_, guest)| guest.state == VmState::Running).expect("a guest").1;
    assert_eq!(guest.host.as_str(), host_of(cloud, id));
    (host_of(cloud, id), cloud.server(id).flavor.ram_mib, guest.shape.1)
}

fn at(host: &str, memory: u64) -> (String, u64, u64) {
    (host.to_owned(), memory, memory)
}

/// Number, kind, status, where from and where to.
fn migrations(cloud: &Cloud) -> Vec<(u64, &'static str, &'static str, String, Option<String>)> {
    let told = |m: std::sync::Arc<Migration>| {
        (m.number, m.kind.as_str(), m.status.as_str(), m.source.to_string(), m.dest.as_ref().map(ToString::to_string))
    };
    let mut all: Vec<_> = cloud.store.snapshot().all::<Migration>().map(told).collect();
    all.sort();
    all
}

fn way(
    number: u64,
    kind: &'static str,
    status: &'static str,
) -> (u64, &'static str, &'static str, String, Option<String>) {
    (number, kind, status, HOME.to_owned(), Some(THERE.to_owned()))
}

/// Nothing of the server is kept where it is not.
async fn alone(cloud: &Cloud, when: &str) {
    settled(cloud, when).await;
    cloud.until("the host that was left to be free", |s| s.all::<VmIntent>().all(|i| !i.spare).then_some(())).await;
    cloud.assert_clean(when);
}

#[tokio::test]
async fn a_guest_whose_host_is_full_grows_on_another() {
    let (cloud, id) = crowded().await;
    let told = asked(&cloud, &id, larger(), "VERIFY_RESIZE").await;
    assert_eq!(told, (202, "live-migration".into(), WHY.into()));
    assert_eq!(place(&cloud, &id), at(THERE, 192));
    assert_eq!(migrations(&cloud), [way(1, "resize", "finished"), way(2, "live-migration", "completed")]);
    let plan = cloud.store.snapshot().all::<Migration>().find_map(|m| m.plan.clone()).unwrap();
    assert_eq!(plan.manner, Some(Manner::LiveMigration));
    assert_eq!(plan.details.as_deref(), Some("160 of 160 MiB are free"), "for administrators");
    alone(&cloud, "grown").await;
    // There it stays, also in its old shape; nothing is started anew.
    let starts = cloud.hosts.guest(&id).unwrap().starts;
    act(&cloud, &id, json!({"revertResize": null}), "ACTIVE").await;
    assert_eq!((place(&cloud, &id), cloud.hosts.guest(&id).unwrap().starts), (at(THERE, 128), starts));
    alone(&cloud, "reverted").await;
    // Its new host has room.
    assert_eq!(asked(&cloud, &id, larger(), "VERIFY_RESIZE").await.1, "in-place");
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    assert_eq!(place(&cloud, &id), at(THERE, 192));
    alone(&cloud, "confirmed").await;
}

/// What stays claimed until the decision is the larger of both, and after it what was decided for.
#[tokio::test]
async fn room_for_the_way_back_is_kept_until_it_is_confirmed() {
    let (cloud, id) = crowded().await;
    let claimed = || FakePlacer.used(&cloud.store.snapshot(), &THERE.into()).get("MEMORY_MB").copied();
    act(&cloud, &id, larger(), "VERIFY_RESIZE").await;
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    assert_eq!(claimed(), Some(192));
    act(&cloud, &id, json!({"resize": {"flavorRef": "42"}}), "VERIFY_RESIZE").await;
    assert_eq!((claimed(), place(&cloud, &id)), (Some(192), at(THERE, 128)));
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    assert_eq!(claimed(), Some(128));
    alone(&cloud, "small again").await;
}

#[tokio::test]
async fn a_guest_that_no_host_has_room_for_stays_as_it_is() {
    let (cloud, id) = crowded().await;
    has_memory(&cloud, THERE, 160).await;
    let generation = || cloud.store.snapshot().get::<VmIntent>(&id).unwrap().generation;
    let before = generation();
    assert_eq!(asked(&cloud, &id, larger(), "ACTIVE").await.1, "live-migration");
    assert_eq!((place(&cloud, &id), generation()), (at(HOME, 128), before));
    let fault = cloud.server(&id).fault.clone().unwrap();
    assert!(fault.message.contains("No valid host was found"), "{fault:?}");
    let statuses: Vec<_> = migrations(&cloud).into_iter().map(|(_, _, status, ..)| status).collect();
    assert_eq!(statuses, ["error", "error"]);
    alone(&cloud, "nowhere").await;
    // When there is room, it goes.
    has_memory(&cloud, THERE, 192).await;
    act(&cloud, &id, larger(), "VERIFY_RESIZE").await;
    assert_eq!(place(&cloud, &id), at(THERE, 192));
    alone(&cloud, "there").await;
}

#[tokio::test]
async fn a_guest_that_may_not_grow_on_its_host_goes_to_another() {
    let (mut cloud, id) = with_server().await;
    cloud.config = Config { allow_resize_to_same_host: false, ..Config::default() };
    let (_, manner, why) = asked(&cloud, &id, larger(), "VERIFY_RESIZE").await;
    assert_eq!((manner.as_str(), place(&cloud, &id)), ("live-migration", at(THERE, 192)));
    assert!(why.starts_with("compute.allow_resize_to_same_host is off; the guest goes"), "{why}");
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    alone(&cloud, "there").await;
}

#[tokio::test]
async fn servers_of_a_group_stay_apart() {
    let cloud = Cloud::new().await;
    let (api, engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.64");
    let group = json!({"server_group": {"name": "apart", "policy": "anti-affinity"}});
    let group = expect(&member.call("POST /compute/v2.1/os-server-groups", group).await, 200);
    let mut ids = Vec::new();
    for name in ["one", "two"] {
        let body = json!({
            "server": {"name": name, "imageRef": IMAGE, "flavorRef": "42", "networks": [{"uuid": NETWORK}]},
            "os:scheduler_hints": {"group": group["server_group"]["id"]},
        });
        ids.push(id_of(&expect(&member.call("POST /compute/v2.1/servers", body).await, 202)));
        cloud.reach(&ids[ids.len() - 1], "ACTIVE").await;
    }
    drop(engine);
    assert_ne!(host_of(&cloud, &ids[0]), host_of(&cloud, &ids[1]));
    let home = if host_of(&cloud, &ids[0]) == HOME { HOME } else { THERE };
    has_memory(&cloud, home, 160).await;
    assert_eq!(asked(&cloud, &ids[0], larger(), "ACTIVE").await.1, "live-migration");
    assert_eq!(host_of(&cloud, &ids[0]), home);
    assert!(cloud.server(&ids[0]).fault.as_ref().unwrap().message.contains("No valid host"));
    cloud.assert_clean("apart");
}

#[tokio::test]
async fn a_guest_on_its_way_to_grow_is_called_off() {
    let (cloud, id) = crowded().await;
    let (admin, _api, _engine) = under_way(&cloud, &id, larger()).await;
    let path = format!("/compute/v2.1/servers/{id}");
    assert_eq!(cloud.server(&id).status(), "RESIZE");
    let listed = expect(&admin.call(&format!("GET {path}/migrations"), None).await, 200);
    assert_eq!((&listed["migrations"][0]["id"], &listed["migrations"][0]["status"]), (&json!(2), &json!("running")));
    let resize = admin.call(&format!("DELETE {path}/migrations/1"), None).await;
    assert!(resize.status >= 400, "a resize is not called off: {}", resize.text());
    let called_off = admin.call(&format!("DELETE {path}/migrations/2"), None).await;
    assert_eq!(called_off.status, 202, "{}", called_off.text());
    cloud.reach(&id, "ACTIVE").await;
    assert_eq!(place(&cloud, &id), at(HOME, 128));
    assert_eq!(migrations(&cloud), [way(1, "resize", "error"), way(2, "live-migration", "cancelled")]);
    cloud.hosts.mood(HOME, |m| m.slow = false);
    alone(&cloud, "called off").await;
}

#[tokio::test]
async fn a_guest_on_its_way_to_grow_is_hastened() {
    let (cloud, id) = crowded().await;
    let (admin, _api, _engine) = under_way(&cloud, &id, larger()).await;
    let path = format!("/compute/v2.1/servers/{id}");
    let hasten = async |number: u32| {
        admin.call(&format!("POST {path}/migrations/{number}/action"), json!({"force_complete": null})).await
    };
    let resize = hasten(1).await;
    assert!(resize.status >= 400, "a resize is not hastened: {}", resize.text());
    assert_eq!(hasten(2).await.status, 202);
    cloud.reach(&id, "VERIFY_RESIZE").await;
    assert_eq!(place(&cloud, &id), at(THERE, 192));
    assert_eq!(migrations(&cloud), [way(1, "resize", "finished"), way(2, "live-migration", "completed")]);
    cloud.hosts.mood(HOME, |m| m.slow = false);
    alone(&cloud, "hastened").await;
}

#[tokio::test]
async fn a_server_on_its_way_to_grow_can_be_deleted() {
    let (cloud, id) = crowded().await;
    cloud.hosts.mood(HOME, |m| m.slow = true);
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let begun = member.call(&format!("POST /compute/v2.1/servers/{id}/action"), larger()).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    expect(&member.call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
    cloud.gone(&id).await;
    cloud.until("nothing to be left on any host", |s| (s.all::<VmIntent>().count() == 0).then_some(())).await;
    cloud.assert_clean("deleted");
}

#[tokio::test]
async fn a_guest_that_nobody_awaits_stays_as_it_is() {
    let (cloud, id) = crowded().await;
    cloud.hosts.mood(THERE, |m| m.refuses = Some("this host takes no guests from others".into()));
    act(&cloud, &id, larger(), "ACTIVE").await;
    assert_eq!(place(&cloud, &id), at(HOME, 128));
    let fault = cloud.server(&id).fault.clone().unwrap().message;
    assert!(fault.contains("takes no guests from others"), "{fault}");
    assert_eq!(migrations(&cloud), [way(1, "resize", "error"), way(2, "live-migration", "error")]);
    alone(&cloud, "not awaited").await;
}

/// It went, and does not grow: it runs on over there as it was.
#[tokio::test]
async fn a_guest_that_keeps_its_shape_over_there_stays_there() {
    let (cloud, id) = crowded().await;
    cloud.hosts.mood(THERE, |m| m.rigid = Some("no socket is empty".into()));
    act(&cloud, &id, larger(), "ACTIVE").await;
    assert_eq!(place(&cloud, &id), at(THERE, 128));
    assert!(cloud.server(&id).fault.as_ref().unwrap().message.contains("no socket is empty"));
    assert_eq!(migrations(&cloud), [way(1, "resize", "error"), way(2, "live-migration", "completed")]);
    alone(&cloud, "as it was").await;
}

#[tokio::test]
async fn a_guest_that_dies_on_its_way_is_where_its_disks_are() {
    let (cloud, id) = crowded().await;
    cloud.hosts.mood(HOME, |m| m.deadly = true);
    let (api, _engine) = cloud.process();
    let begun = api.token("member").call(&format!("POST /compute/v2.1/servers/{id}/action"), larger()).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    cloud.until("it to rest", |s| (flows_of(s, &id) == 0).then_some(())).await;
    assert_eq!((host_of(&cloud, &id).as_str(), cloud.server(&id).flavor.ram_mib), (HOME, 128));
    assert!(cloud.server(&id).resize.is_none());
    alone(&cloud, "dead").await;
}

/// The way there, whatever dies.
struct Leaving(Cloud, String, Janitor);

#[async_trait]
impl World for Leaving {
    async fn new() -> Self {
        let (cloud, id) = crowded().await;
        let janitor = Janitor::of(&cloud);
        Self(cloud, id, janitor)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        self.0.compute(&self.2.starter).flows(engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let request = format!("POST /compute/v2.1/servers/{}/action", self.1);
        ask_by(&self.0, starter, "member", "compute 2.44", &request, larger()).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let (cloud, id) = (&self.0, &self.1);
        let rests = |s: &store::Snapshot| {
            (flows_of(s, id) == 0 && s.get::<Server>(id).is_some_and(|s| s.task.is_none())).then_some(())
        };
        cloud.until(&format!("{disturbance:?}: the server to rest"), rests).await;
        // A failure after the guest had landed is none.
        let landed = host_of(cloud, id) == THERE;
        assert!(landed || failed(disturbance), "{disturbance:?}");
        assert_eq!(place(cloud, id), if landed { at(THERE, 192) } else { at(HOME, 128) }, "{disturbance:?}");
        assert_eq!(cloud.server(id).status(), if landed { "VERIFY_RESIZE" } else { "ACTIVE" }, "{disturbance:?}");
        let statuses: Vec<_> = migrations(cloud).into_iter().map(|(_, _, status, ..)| status).collect();
        assert_eq!(statuses, if landed { ["finished", "completed"] } else { ["error", "error"] }, "{disturbance:?}");
        settled(cloud, &format!("{disturbance:?}")).await;
        assert_ended(cloud, id, disturbance);
    }
}

/// What follows when it is there. Another process has brought it there, and gives the rest to the one under torture.
struct Growing(Cloud, String, Mutex<Option<Engine>>);

#[async_trait]
impl World for Growing {
    async fn new() -> Self {
        let (cloud, id) = crowded().await;
        Self(cloud, id, Mutex::default())
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let ours = Starter::new("travels".into());
        let builder = EngineBuilder::new(ours.clone()).register(LiveMigrate(self.0.compute(starter)));
        *self.2.lock() = Some(builder.run(self.0.store.clone(), SystemClock::shared()));
        let mut watch = self.0.store.watch();
        let request = format!("POST /compute/v2.1/servers/{}/action", self.1);
        ask_by(&self.0, &ours, "member", "compute 2.44", &request, larger()).await;
        loop {
            let WatchItem::Batch(batch) = watch.next().await else { panic!("the watch was reset") };
            let mut begun =
                batch.of::<FlowRecord>().filter(|c| c.new.as_ref().is_some_and(|f| f.kind == ReshapeServer::KIND));
            if let Some(begun) = begun.next() {
                return begun.key.as_str().into();
            }
        }
    }
    async fn check(&self, disturbance: Disturbance) {
        let (cloud, id, failed) = (&self.0, &self.1, failed(disturbance));
        cloud.reach(id, if failed { "ACTIVE" } else { "VERIFY_RESIZE" }).await;
        assert_eq!(place(cloud, id), at(THERE, if failed { 128 } else { 192 }), "{disturbance:?}");
        settled(cloud, &format!("{disturbance:?}")).await;
        assert_ended(cloud, id, disturbance);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_to_grow_survives_everything() {
    torture::<Leaving>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growing_over_there_survives_everything() {
    torture::<Growing>().await;
}
