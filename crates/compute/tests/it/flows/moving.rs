//! Servers that change host or shape, and what is left of them where they were.

use super::{ask_by, assert_ended, failed, register, with_server};
use crate::world::{Cloud, expect, image::Image};
use async_trait::async_trait;
use compute::{
    Config,
    driver::VmState,
    flows::{create_image::DiscardImage, moving::reshape::ReshapeServer, shelve::OffloadServer},
    model::{Flavor, Migration, Server, vm::VmIntent},
};
use flow::{
    Engine, EngineBuilder, Reconciler, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{FlowId, SystemClock};
use serde_json::{Value, json};
use store::Store;

/// A world of one server: how it becomes what the flow needs, who asks for what, and which status it has when that has gone
/// well, or not.
macro_rules! world {
    ($name:ident: $config:expr, $before:expr, $body:expr => $done:literal or $undone:literal) => {
        struct $name(Cloud, String, Janitor);

        #[async_trait]
        impl World for $name {
            async fn new() -> Self {
                let (cloud, id) = prepared($config, $before).await;
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
                ask_by(
                    &self.0,
                    starter,
                    "admin",
                    "compute 2.44",
                    &format!("POST /compute/v2.1/servers/{}/action", self.1),
                    $body,
                )
                .await
            }
            async fn check(&self, disturbance: Disturbance) {
                self.0.reach(&self.1, if failed(disturbance) { $undone } else { $done }).await;
                settled(&self.0, &format!("{disturbance:?}")).await;
                assert_ended(&self.0, &self.1, disturbance);
            }
        }
    };
}

pub(super) use world;

/// A process of its own for the flows that the flow under torture starts.
pub(super) struct Janitor {
    pub(super) starter: Starter,
    _engine: Engine,
}

impl Janitor {
    pub(super) fn of(cloud: &Cloud) -> Self {
        let starter = Starter::new("janitor".into());
        let compute = cloud.compute(&starter);
        let builder = EngineBuilder::new(starter.clone());
        let builder = builder.register(DiscardImage(compute.clone())).register(OffloadServer(compute.clone()));
        let builder = builder.register(ReshapeServer(compute));
        Self { starter, _engine: builder.run(cloud.store.clone(), SystemClock::shared()) }
    }
}

/// A server to which these things were done, one after another.
pub(super) async fn prepared(config: Config, steps: &[(Value, &str)]) -> (Cloud, String) {
    let (mut cloud, id) = with_server().await;
    cloud.config = config;
    for (body, status) in steps {
        act(&cloud, &id, body.clone(), status).await;
    }
    (cloud, id)
}

pub(super) async fn act(cloud: &Cloud, id: &str, body: Value, status: &str) {
    let (api, _engine) = cloud.process();
    let manager = api.token("admin").with("openstack-api-version", "compute 2.79");
    let answer = manager.call(&format!("POST /compute/v2.1/servers/{id}/action"), body).await;
    assert!(answer.status < 300, "{}", answer.text());
    cloud.reach(id, status).await;
}

/// Waits until hosts have carried out all that they were told.
pub(super) async fn settled(cloud: &Cloud, when: &str) {
    let done = |s: &store::Snapshot| {
        let told = |i: std::sync::Arc<VmIntent>| {
            let seen = s.get::<compute::model::vm::VmObserved>(store::Object::key(&*i).as_str());
            seen.is_some_and(|o| o.generation >= i.generation)
        };
        s.all::<VmIntent>().all(told).then_some(())
    };
    cloud.until(&format!("{when}: hosts to be done"), done).await;
    let images = |s: &store::Snapshot| {
        let needed: Vec<_> = s.all::<Server>().filter_map(|server| server.shelved_image.clone()).collect();
        let made: Vec<_> = s.all::<Image>().filter(|i| i.0.name == "one-shelved").map(|i| i.0.id.clone()).collect();
        (needed == made).then_some(())
    };
    cloud.until(&format!("{when}: images that nobody needs to go"), images).await;
}

fn resize() -> Value {
    json!({"resize": {"flavorRef": "84"}})
}

fn cold() -> Value {
    json!({"resize": {"flavorRef": "84", "tstack:way": "cold"}})
}

fn migrate() -> Value {
    json!({"migrate": null})
}

fn shelved() -> Config {
    Config { shelved_offload_seconds: None, ..Config::default() }
}

fn elsewhere() -> Config {
    Config { allow_resize_to_same_host: false, ..Config::default() }
}

fn usual() -> Config {
    Config::default()
}

const VERIFY: &str = "VERIFY_RESIZE";

world!(Resizing: usual(), &[], resize() => "VERIFY_RESIZE" or "ACTIVE");
world!(ResizingCold: usual(), &[], cold() => "VERIFY_RESIZE" or "ACTIVE");
world!(ResizingElsewhere: elsewhere(), &[], cold() => "VERIFY_RESIZE" or "ACTIVE");
world!(Migrating: usual(), &[(json!({"os-stop": null}), "SHUTOFF")], migrate() => "VERIFY_RESIZE" or "SHUTOFF");
world!(Confirming: usual(), &[(resize(), VERIFY)], json!({"confirmResize": null}) => "ACTIVE" or "VERIFY_RESIZE");
world!(ConfirmingCold: usual(), &[(cold(), VERIFY)], json!({"confirmResize": null}) => "ACTIVE" or "VERIFY_RESIZE");
world!(ConfirmingElsewhere: usual(), &[(migrate(), VERIFY)], json!({"confirmResize": null}) => "ACTIVE" or "VERIFY_RESIZE");
world!(Reverting: usual(), &[(resize(), VERIFY)], json!({"revertResize": null}) => "ACTIVE" or "ERROR");
world!(RevertingCold: usual(), &[(cold(), VERIFY)], json!({"revertResize": null}) => "ACTIVE" or "ERROR");
world!(RevertingElsewhere: usual(), &[(migrate(), VERIFY)], json!({"revertResize": null}) => "ACTIVE" or "ERROR");
world!(Shelving: usual(), &[], json!({"shelve": null}) => "SHELVED_OFFLOADED" or "ACTIVE");
world!(ShelvingHere: shelved(), &[], json!({"shelve": null}) => "SHELVED" or "ACTIVE");
world!(Offloading: shelved(), &[(json!({"shelve": null}), "SHELVED")], json!({"shelveOffload": null}) => "SHELVED_OFFLOADED" or "SHELVED");
world!(Unshelving: usual(), &[(json!({"shelve": null}), "SHELVED_OFFLOADED")], json!({"unshelve": null}) => "ACTIVE" or "SHELVED_OFFLOADED");
world!(UnshelvingHere: shelved(), &[(json!({"shelve": null}), "SHELVED")], json!({"unshelve": null}) => "ACTIVE" or "SHELVED");

macro_rules! survive {
    ($($test:ident: $world:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            torture::<$world>().await;
        }
    )+};
}

survive! {
    resizing_survives_everything: Resizing,
    resizing_cold_survives_everything: ResizingCold,
    resizing_elsewhere_survives_everything: ResizingElsewhere,
    migrating_survives_everything: Migrating,
    confirming_survives_everything: Confirming,
    confirming_cold_survives_everything: ConfirmingCold,
    confirming_elsewhere_survives_everything: ConfirmingElsewhere,
    reverting_survives_everything: Reverting,
    reverting_cold_survives_everything: RevertingCold,
    reverting_elsewhere_survives_everything: RevertingElsewhere,
    shelving_survives_everything: Shelving,
    shelving_without_leaving_survives_everything: ShelvingHere,
    offloading_survives_everything: Offloading,
    unshelving_survives_everything: Unshelving,
    unshelving_in_place_survives_everything: UnshelvingHere,
}

/// Its server's host is away, and comes back for the check: nothing of the server is left there then.
struct Evacuating(Cloud, String);

#[async_trait]
impl World for Evacuating {
    async fn new() -> Self {
        let (cloud, id) = with_server().await;
        cloud.hosts.mood(&host_of(&cloud, &id), |m| m.away = true);
        Self(cloud, id)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let request = format!("POST /compute/v2.1/servers/{}/action", self.1);
        ask_by(&self.0, starter, "admin", "compute 2.44", &request, json!({"evacuate": {}})).await
    }
    async fn check(&self, disturbance: Disturbance) {
        self.0.reach(&self.1, if failed(disturbance) { "ERROR" } else { "ACTIVE" }).await;
        for host in ["h1", "h2"] {
            self.0.hosts.mood(host, |m| m.away = false);
        }
        settled(&self.0, &format!("{disturbance:?}")).await;
        compute::flows::reconcile::Tidy(self.0.compute(&Starter::new("tidy".into()))).reconcile().await.unwrap();
        assert_ended(&self.0, &self.1, disturbance);
        let left = self.0.store.snapshot().all::<Migration>().filter(|m| m.holds.is_some()).count();
        assert_eq!(left, 0, "{disturbance:?}: the host that was left is claimed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evacuating_survives_everything() {
    torture::<Evacuating>().await;
}

pub(super) fn host_of(cloud: &Cloud, id: &str) -> String {
    cloud.server(id).host.clone().unwrap().to_string()
}

#[tokio::test]
async fn there_and_back_again() {
    let (cloud, id) = with_server().await;
    let home = host_of(&cloud, &id);
    act(&cloud, &id, migrate(), "VERIFY_RESIZE").await;
    assert_ne!(host_of(&cloud, &id), home);
    act(&cloud, &id, json!({"revertResize": null}), "ACTIVE").await;
    assert_eq!(host_of(&cloud, &id), home);
    settled(&cloud, "back").await;
    compute::flows::reconcile::Tidy(cloud.compute(&Starter::new("tidy".into()))).reconcile().await.unwrap();
    act(&cloud, &id, migrate(), "VERIFY_RESIZE").await;
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    assert_ne!(host_of(&cloud, &id), home);
    let statuses: Vec<_> = cloud.store.snapshot().all::<Migration>().map(|m| (m.number, m.status.as_str())).collect();
    assert_eq!(statuses.len(), 2);
    assert!(statuses.contains(&(1, "reverted")) && statuses.contains(&(2, "confirmed")), "{statuses:?}");
    cloud.assert_clean("at its new host");
}

#[tokio::test]
async fn a_cold_resize_keeps_the_old_disk_until_it_is_confirmed() {
    let (cloud, id) = with_server().await;
    let disks = || {
        let intent = cloud.store.snapshot().get::<VmIntent>(&id).unwrap();
        (intent.local_disks.iter().map(|d| d.name.clone()).collect::<Vec<_>>(), intent.kept_disks.clone())
    };
    let ram = || cloud.store.snapshot().get::<Server>(&id).unwrap().flavor.ram_mib;
    let before = ram();
    act(&cloud, &id, cold(), "VERIFY_RESIZE").await;
    assert_eq!(disks(), (vec!["rootv2".to_owned()], vec!["root".to_owned()]));
    act(&cloud, &id, json!({"revertResize": null}), "ACTIVE").await;
    assert_eq!((disks(), ram()), ((vec!["root".to_owned()], vec![]), before));
    act(&cloud, &id, cold(), "VERIFY_RESIZE").await;
    assert_ne!(ram(), before);
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    assert_eq!(disks(), (vec!["rootv2".to_owned()], vec![]));
    cloud.assert_clean("confirmed");
}

#[tokio::test]
async fn what_waits_for_a_decision_can_be_deleted() {
    let (cloud, id) = prepared(usual(), &[(migrate(), "VERIFY_RESIZE")]).await;
    let (api, _engine) = cloud.process();
    expect(&api.token("member").call(&format!("DELETE /compute/v2.1/servers/{id}"), None).await, 204);
    cloud.gone(&id).await;
    assert_eq!(cloud.store.snapshot().all::<VmIntent>().count(), 0, "intents");
    cloud.assert_clean("deleted");
}

#[tokio::test]
async fn a_guest_that_went_off_before_its_resize_was_confirmed_stays_off() {
    let (cloud, id) = prepared(usual(), &[(resize(), "VERIFY_RESIZE")]).await;
    cloud.hosts.guest_becomes(&id, VmState::Shutdown).await;
    act(&cloud, &id, json!({"confirmResize": null}), "SHUTOFF").await;
    cloud.assert_clean("off");
}

/// What each answers, as its user.
#[tokio::test]
async fn refusals() {
    let (cloud, id) = with_server().await;
    let (api, _engine) = cloud.process();
    let home = host_of(&cloud, &id);
    let path = format!("POST /compute/v2.1/servers/{id}/action");
    let state = |action: &str| format!("Cannot '{action}' instance {id} while it is in vm_state active");
    for (who, version, body, status, text) in [
        (
            "member",
            "2.1",
            json!({"resize": {"flavorRef": "42"}}),
            400,
            "When resizing, instances must change flavor!".to_owned(),
        ),
        ("member", "2.1", json!({"resize": {"flavorRef": "none"}}), 400, "Flavor none could not be found.".to_owned()),
        ("member", "2.1", json!({"confirmResize": null}), 409, state("confirmResize")),
        ("member", "2.1", json!({"revertResize": null}), 409, state("revertResize")),
        ("member", "2.1", json!({"unshelve": null}), 409, state("unshelve")),
        ("admin", "2.1", json!({"shelveOffload": null}), 409, state("shelveOffload")),
        (
            "admin",
            "2.56",
            json!({"migrate": {"host": home}}),
            400,
            "Cannot migrate to the host where the server exists.".to_owned(),
        ),
        ("admin", "2.56", json!({"migrate": {"host": "h9"}}), 400, "Compute host h9 could not be found.".to_owned()),
        (
            "admin",
            "2.68",
            json!({"evacuate": {"host": home}}),
            400,
            "The target host can't be the same one.".to_owned(),
        ),
        ("admin", "2.68", json!({"evacuate": {}}), 400, format!("Compute service of {home} is still in use.")),
    ] {
        let asker = api.token(who).with("openstack-api-version", &format!("compute {version}"));
        let answer = expect(&asker.call(&path, body.clone()).await, status);
        let fault = answer.as_object().unwrap().values().next().unwrap();
        assert_eq!(fault["message"], text, "{body}");
    }
    let manager = api.token("manager").with("openstack-api-version", "compute 2.56");
    expect(&manager.call(&path, json!({"migrate": {"host": "h2"}})).await, 403);
    expect(&manager.call(&path, json!({"migrate": null, "x": 1})).await, 400);
    cloud.hosts.mood(&home, |m| m.away = true);
    let away = expect(&manager.call(&path, migrate()).await, 409);
    assert_eq!(away["conflictingRequest"]["message"], "Service is unavailable at this time.");
}

#[tokio::test]
async fn an_evacuated_server_is_off_from_295_on_and_leaves_a_host_that_is_declared_down() {
    let (cloud, id) = with_server().await;
    let (home, (api, _engine)) = (host_of(&cloud, &id), cloud.process());
    let admin = api.token("admin").with("openstack-api-version", "compute 2.95");
    let services = expect(&admin.call("GET /compute/v2.1/os-services", None).await, 200);
    let services = services["services"].as_array().unwrap().clone();
    let service = services.iter().find(|s| s["host"] == *home).unwrap()["id"].as_str().unwrap();
    let down = json!({"forced_down": true});
    expect(&admin.call(&format!("PUT /compute/v2.1/os-services/{service}"), down).await, 200);
    let answer = admin.call(&format!("POST /compute/v2.1/servers/{id}/action"), json!({"evacuate": {}})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    cloud.reach(&id, "SHUTOFF").await;
    assert_ne!(host_of(&cloud, &id), home);
    let statuses: Vec<_> = cloud.store.snapshot().all::<Migration>().map(|m| m.status.as_str()).collect();
    assert_eq!(statuses, ["done"]);
    settled(&cloud, "evacuated").await;
    compute::flows::reconcile::Tidy(cloud.compute(&Starter::new("tidy".into()))).reconcile().await.unwrap();
    cloud.assert_clean("evacuated");
}

#[tokio::test]
async fn what_waits_long_enough_goes_on_by_itself() {
    let config = Config { resize_confirm_seconds: 1, ..Config::default() };
    let (cloud, id) = prepared(config, &[(migrate(), "VERIFY_RESIZE")]).await;
    let (_api, _engine) = cloud.process();
    let waits = compute::flows::reconcile_moves::WhatWaits(cloud.compute(&Starter::new("process".into())));
    let confirmed = async {
        while cloud.server(&id).status() != "ACTIVE" {
            waits.reconcile().await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), confirmed).await.unwrap();
    cloud.reach(&id, "ACTIVE").await;
    cloud.assert_clean("confirmed");
}

#[tokio::test]
async fn volumes_come_to_a_shelved_server_and_go_along() {
    const VOLUME: &str = "77777777-7777-4777-8777-777777777777";
    let (cloud, id) = prepared(usual(), &[(json!({"shelve": null}), "SHELVED_OFFLOADED")]).await;
    cloud.volumes.put(VOLUME).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.79");
    let path = format!("/compute/v2.1/servers/{id}/os-volume_attachments");
    let attach = json!({"volumeAttachment": {"volumeId": VOLUME}});
    expect(&member.call(&format!("POST {path}"), attach.clone()).await, 200);
    act(&cloud, &id, json!({"unshelve": null}), "ACTIVE").await;
    let in_guest = || cloud.hosts.guest(&id).unwrap().volumes == [kernel::VolumeId::from(VOLUME)];
    assert!(in_guest());
    act(&cloud, &id, migrate(), "VERIFY_RESIZE").await;
    settled(&cloud, "moved").await;
    assert!(in_guest(), "it has gone along");
    act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
    act(&cloud, &id, json!({"shelve": null}), "SHELVED_OFFLOADED").await;
    expect(&member.call(&format!("DELETE {path}/{VOLUME}"), None).await, 202);
    let free = |s: &store::Snapshot| (s.all::<crate::world::volume::Attachment>().count() == 0).then_some(());
    cloud.until("the volume to be free", free).await;
    cloud.reach(&id, "SHELVED_OFFLOADED").await;
    cloud.assert_clean("without its volume");
}

/// Flavors with other blank disks than `42` has, which has none.
pub(super) async fn blank_flavor(cloud: &Cloud, id: &'static str, swap_mib: u64, ephemeral_gib: u64) {
    let made = cloud.store.transact("test", move |tx| {
        let nano = tx.get::<Flavor>("42").unwrap();
        tx.put(Flavor { id: id.into(), name: id.into(), swap_mib, ephemeral_gib, ..Flavor::clone(&nano) });
        Ok(())
    });
    made.await.unwrap();
}

/// Hosts have carried out all that they were told, and what they have given up is nobody's.
async fn tidied(cloud: &Cloud, when: &str) {
    settled(cloud, when).await;
    compute::flows::reconcile::Tidy(cloud.compute(&Starter::new("tidy".into()))).reconcile().await.unwrap();
    cloud.assert_clean(when);
}

/// Swap is made anew, an ephemeral disk is carried and grows, what the flavor has not goes; and a revert has all of it as it was.
#[tokio::test]
async fn blank_disks_follow_a_resize_and_a_revert() {
    for config in [usual(), elsewhere()] {
        let in_place = config.allow_resize_to_same_host;
        let (cloud, id) = prepared(config, &[]).await;
        blank_flavor(&cloud, "blank", 64, 1).await;
        blank_flavor(&cloud, "more", 128, 2).await;
        blank_flavor(&cloud, "less", 0, 1).await;
        let resize = |flavor: &str| json!({"resize": {"flavorRef": flavor}});
        let disks = || {
            let spec = cloud.store.snapshot().get::<VmIntent>(&id).unwrap();
            let all = spec
                .local_disks
                .iter()
                .map(|d| format!("{} {}", d.name.split('v').next().unwrap(), d.size_bytes >> 20));
            all.collect::<Vec<_>>()
        };
        let carried = || {
            let calls = cloud.hosts.calls.lock();
            let sent = calls.iter().filter(|(method, _)| method == "disk.send");
            sent.map(|(_, params)| params["name"].as_str().unwrap().split('v').next().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        act(&cloud, &id, json!({"os-stop": null}), "SHUTOFF").await;
        act(&cloud, &id, resize("blank"), "VERIFY_RESIZE").await;
        assert_eq!(
            (disks(), carried()),
            (vec!["root 1024".into(), "eph0 1024".into(), "swap 64".into()], vec!["root".to_owned()])
        );
        act(&cloud, &id, json!({"confirmResize": null}), "SHUTOFF").await;
        tidied(&cloud, "confirmed").await;
        let before = cloud.server(&id);
        // More, and back.
        cloud.hosts.calls.lock().clear();
        act(&cloud, &id, resize("more"), "VERIFY_RESIZE").await;
        assert_eq!(disks(), ["root 1024", "eph0 2048", "swap 128"]);
        assert_eq!(carried(), ["root", "eph0"], "swap is made anew");
        act(&cloud, &id, json!({"revertResize": null}), "SHUTOFF").await;
        tidied(&cloud, "reverted").await;
        assert_eq!(cloud.server(&id).devices, before.devices, "in place: {in_place}");
        assert_eq!(disks(), ["root 1024", "eph0 1024", "swap 64"]);
        // Less, and back, and for good.
        act(&cloud, &id, resize("less"), "VERIFY_RESIZE").await;
        assert_eq!(disks(), ["root 1024", "eph0 1024"]);
        act(&cloud, &id, json!({"revertResize": null}), "SHUTOFF").await;
        tidied(&cloud, "reverted again").await;
        assert_eq!(cloud.server(&id).devices, before.devices, "in place: {in_place}");
        act(&cloud, &id, resize("less"), "VERIFY_RESIZE").await;
        act(&cloud, &id, json!({"confirmResize": null}), "SHUTOFF").await;
        tidied(&cloud, "less").await;
        assert_eq!(disks(), ["root 1024", "eph0 1024"]);
        let names: Vec<_> = cloud.hosts.disks().into_iter().flat_map(|(.., names)| names).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        // An ephemeral disk is not made smaller.
        let (api, _engine) = cloud.process();
        let refused = api.token("admin").call(&format!("POST /compute/v2.1/servers/{id}/action"), resize("42")).await;
        let why = expect(&refused, 400)["badRequest"]["message"].as_str().unwrap().to_owned();
        assert_eq!(why, "Server disk was unable to be resized because: Unable to resize disk down.");
    }
}
