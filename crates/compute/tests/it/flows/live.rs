//! Guests that go to another host while they run: once, whole, and on one host, whatever dies.

use super::{assert_ended, failed, register, with_server};
use crate::world::{Cloud, expect};
use async_trait::async_trait;
use compute::model::{ComputeHost, Migration, migration::MigrationStatus, vm::VmIntent};
use flow::{
    Engine, EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use http::testkit::Api;
use kernel::FlowId;
use serde_json::{Value, json};
use store::{Snapshot, Store};

struct Migrating(Cloud, String);

#[async_trait]
impl World for Migrating {
    async fn new() -> Self {
        let (cloud, id) = with_server().await;
        Self(cloud, id)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        ask_as(&self.0, starter, &self.1, live(None)).await
    }
    async fn check(&self, disturbance: Disturbance) {
        assert_ended(&self.0, &self.1, disturbance);
        self.0.reach(&self.1, "ACTIVE").await;
        assert_eq!(self.0.hosts.twice(), Vec::<String>::new(), "{disturbance:?}");
        let here = host_of(&self.0, &self.1);
        let status = migrations(&self.0)[0].1.clone();
        // A failure after the guest had landed is none.
        assert!(failed(disturbance) || status == "completed", "{disturbance:?}: {status}");
        assert_eq!(here == HOME, status != "completed", "{disturbance:?}: on {here}, {status}");
    }
}

/// Where the first server of a cloud is.
const HOME: &str = "h1";

fn live(host: Option<&str>) -> Value {
    json!({"os-migrateLive": {"host": host, "block_migration": "auto"}})
}

async fn ask_as(cloud: &Cloud, starter: &Starter, id: &str, body: Value) -> FlowId {
    let path = format!("POST /compute/v2.1/servers/{id}/action");
    super::ask_by(cloud, starter, "admin", "compute 2.79", &path, body).await
}

fn host_of(cloud: &Cloud, id: &str) -> String {
    cloud.server(id).host.clone().unwrap().to_string()
}

/// A migration is under way.
fn runs(snapshot: &Snapshot) -> Option<()> {
    snapshot.all::<Migration>().any(|m| m.status == MigrationStatus::Running).then_some(())
}

/// What an administrator asks for is a migration from a slow host: it is under way, and stays so. Whoever asked, and the process.
pub(super) async fn under_way(cloud: &Cloud, id: &str, ask: Value) -> (Api, Api, Engine) {
    cloud.hosts.mood(HOME, |m| m.slow = true);
    let (api, engine) = cloud.process();
    let admin = api.token("admin").with("openstack-api-version", "compute 2.79");
    let begun = admin.call(&format!("POST /compute/v2.1/servers/{id}/action"), ask).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    cloud.until("the migration to run", runs).await;
    (admin, api, engine)
}

fn migrations(cloud: &Cloud) -> Vec<(u64, String)> {
    let mut all: Vec<_> =
        cloud.store.snapshot().all::<Migration>().map(|m| (m.number, m.status.as_str().to_owned())).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrating_survives_everything() {
    torture::<Migrating>().await;
}

async fn act(cloud: &Cloud, id: &str, body: Value) -> http::testkit::Answer {
    let (api, engine) = cloud.process();
    let admin = api.token("admin").with("openstack-api-version", "compute 2.79");
    let answer = admin.call(&format!("POST /compute/v2.1/servers/{id}/action"), body).await;
    if answer.status < 300 {
        cloud.until("the server to rest", |s| s.get::<compute::model::Server>(id).filter(|s| s.task.is_none())).await;
        let spare = |s: &store::Snapshot| s.all::<VmIntent>().all(|i| !i.spare).then_some(());
        cloud.until("the host that was left to be free", spare).await;
    }
    drop(engine);
    answer
}

#[tokio::test]
async fn there_and_back() {
    let (cloud, id) = with_server().await;
    assert_eq!(host_of(&cloud, &id), HOME);
    for (host, there) in [(None, "h2"), (Some(HOME), HOME), (Some("h2"), "h2")] {
        expect_empty(&act(&cloud, &id, live(host)).await);
        assert_eq!(host_of(&cloud, &id), there);
        cloud.assert_clean("moved");
    }
    for (host, why) in [("h2", "to current host"), ("h9", "could not be found")] {
        let refused = act(&cloud, &id, live(Some(host))).await;
        let message = expect(&refused, 400)["badRequest"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(why), "{message}");
    }
    let all: Vec<_> = (1..=3).map(|n| (n, "completed".to_owned())).collect();
    assert_eq!(migrations(&cloud), all);
}

#[tokio::test]
async fn a_running_guest_finds_its_processor_again() {
    let (cloud, id) = with_server().await;
    let become_other = async |cpu: &'static str| {
        let changed = cloud.store.transact("test", move |tx| {
            tx.update::<ComputeHost>("h2", |host| host.capabilities.guest_cpu = cpu.into());
            Ok(())
        });
        changed.await.unwrap();
    };
    become_other("Nehalem").await;
    let refused = act(&cloud, &id, live(Some("h2"))).await;
    let message = expect(&refused, 400)["badRequest"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("Unacceptable CPU info"), "{message}");
    act(&cloud, &id, live(None)).await;
    assert_eq!((host_of(&cloud, &id).as_str(), migrations(&cloud)[0].1.as_str()), (HOME, "error"));
    // One that has not said is taken at its word.
    become_other("").await;
    act(&cloud, &id, live(None)).await;
    assert_eq!(host_of(&cloud, &id), "h2");
    cloud.assert_clean("found");
}

#[track_caller]
fn expect_empty(answer: &http::testkit::Answer) {
    assert_eq!(answer.status, 202, "{}", answer.text());
}

#[tokio::test]
async fn a_guest_that_cannot_be_sent_or_landed_stays() {
    let (cloud, id) = with_server().await;
    cloud.hosts.mood(HOME, |m| m.refuses = Some("no way".into()));
    expect_empty(&act(&cloud, &id, live(None)).await);
    cloud.hosts.mood(HOME, |m| m.refuses = None);
    cloud.assert_clean("not sent");
    cloud.hosts.mood("h2", |m| m.unlucky = Some("broken".into()));
    expect_empty(&act(&cloud, &id, live(None)).await);
    cloud.assert_clean("not landed");
    let both = (1..=2).map(|n| (n, "error".into())).collect();
    assert_eq!((host_of(&cloud, &id), migrations(&cloud)), (HOME.into(), both));
    assert_eq!(cloud.hosts.guest(&id).unwrap().state, compute::driver::VmState::Running);
}

#[tokio::test]
async fn a_guest_that_nobody_awaits_stays() {
    let (cloud, id) = with_server().await;
    cloud.hosts.mood("h2", |m| m.refuses = Some("this host takes no guests from others".into()));
    expect_empty(&act(&cloud, &id, live(None)).await);
    assert_eq!((host_of(&cloud, &id), migrations(&cloud)), (HOME.into(), vec![(1, "error".into())]));
    let why = cloud.store.snapshot().all::<Migration>().find_map(|m| m.why.clone());
    assert_eq!(why.as_deref(), Some("this host takes no guests from others"));
    cloud.assert_clean("not awaited");
}

/// What it wrote is on the disks of the host that it died on; there it is started again by whoever wants it.
#[tokio::test]
async fn a_guest_that_dies_on_its_way_is_where_its_disks_are() {
    let (cloud, id) = with_server().await;
    cloud.hosts.mood(HOME, |m| m.deadly = true);
    expect_empty(&act(&cloud, &id, live(None)).await);
    assert_eq!((host_of(&cloud, &id), migrations(&cloud)), (HOME.into(), vec![(1, "error".into())]));
    cloud.assert_clean("dead");
}

#[tokio::test]
async fn one_under_way_is_called_off() {
    let (cloud, id) = with_server().await;
    let (admin, _api, _engine) = under_way(&cloud, &id, live(None)).await;
    let path = format!("/compute/v2.1/servers/{id}");
    let listed = expect(&admin.call(&format!("GET {path}/migrations"), None).await, 200);
    assert_eq!((&listed["migrations"][0]["id"], &listed["migrations"][0]["status"]), (&json!(1), &json!("running")));
    let busy = admin.call(&format!("POST {path}/action"), json!({"os-stop": null})).await;
    assert_eq!(busy.status, 409, "{}", busy.text());
    expect_empty(&admin.call(&format!("DELETE {path}/migrations/1"), None).await);
    cloud.reach(&id, "ACTIVE").await;
    assert_eq!((host_of(&cloud, &id), migrations(&cloud)), (HOME.into(), vec![(1, "cancelled".into())]));
    cloud.until("nothing to be left", |s| s.all::<VmIntent>().all(|i| !i.spare).then_some(())).await;
    cloud.assert_clean("called off");
    let late = admin.call(&format!("DELETE {path}/migrations/1"), None).await;
    assert_eq!(late.status, 409, "{}", late.text());
    let unknown = admin.call(&format!("POST {path}/migrations/7/action"), json!({"force_complete": null})).await;
    assert_eq!(unknown.status, 404, "{}", unknown.text());
}

#[tokio::test]
async fn one_under_way_is_hastened() {
    let (cloud, id) = with_server().await;
    let (admin, api, _engine) = under_way(&cloud, &id, live(None)).await;
    let path = format!("/compute/v2.1/servers/{id}");
    let hasten = format!("POST {path}/migrations/1/action");
    let other = api.token("other").with("openstack-api-version", "compute 2.79");
    assert!(other.call(&hasten, json!({"force_complete": null})).await.status >= 400, "it is not theirs");
    expect_empty(&admin.call(&hasten, json!({"force_complete": null})).await);
    cloud.reach(&id, "ACTIVE").await;
    assert_eq!((host_of(&cloud, &id), migrations(&cloud)), ("h2".into(), vec![(1, "completed".into())]));
    cloud.until("nothing to be left", |s| s.all::<VmIntent>().all(|i| !i.spare).then_some(())).await;
    cloud.assert_clean("hastened");
    let late = admin.call(&hasten, json!({"force_complete": null})).await;
    assert_eq!(late.status, 409, "{}", late.text());
    let actions = expect(&admin.call(&format!("GET {path}/os-instance-actions"), None).await, 200);
    let names: Vec<_> = actions["instanceActions"].as_array().unwrap().iter().map(|a| a["action"].clone()).collect();
    assert!(names.contains(&json!("live_migration_force_complete")), "{names:?}");
}

#[tokio::test]
async fn a_server_on_its_way_can_be_deleted() {
    let (cloud, id) = with_server().await;
    cloud.hosts.mood(HOME, |m| m.slow = true);
    let (api, _engine) = cloud.process();
    let admin = api.token("admin").with("openstack-api-version", "compute 2.79");
    expect_empty(&admin.call(&format!("POST /compute/v2.1/servers/{id}/action"), live(None)).await);
    expect_deleted(&admin.call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await);
    cloud.gone(&id).await;
    cloud.until("nothing to be left on any host", |s| (s.all::<VmIntent>().count() == 0).then_some(())).await;
    cloud.assert_clean("deleted");
}

#[track_caller]
fn expect_deleted(answer: &http::testkit::Answer) {
    assert_eq!(answer.status, 204, "{}", answer.text());
}
