use super::create::VOLUME;
use super::{ask, ask_by, assert_ended, failed, register, with_server};
use crate::world::{Cloud, IMAGE, NETWORK, expect, id_of};
use async_trait::async_trait;
use compute::{driver::VmState, model::vm::VmIntent};
use flow::{
    EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::FlowId;
use serde_json::{Value, json};
use store::Store;

struct Stopping(Cloud, String);

#[async_trait]
impl World for Stopping {
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
        let request = format!("POST /compute/v2.1/servers/{}/action", self.1);
        ask(&self.0, starter, &request, json!({"os-stop": null})).await
    }
    async fn check(&self, disturbance: Disturbance) {
        assert_ended(&self.0, &self.1, disturbance);
        let status = if failed(disturbance) { "ACTIVE" } else { "SHUTOFF" };
        self.0.reach(&self.1, status).await;
        let state = if failed(disturbance) { VmState::Running } else { VmState::Shutdown };
        let has = |_: &store::Snapshot| (self.0.hosts.guest(&self.1).unwrap().state == state).then_some(());
        self.0.until(&format!("{disturbance:?}: the guest to be {state:?}"), has).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_survives_everything() {
    torture::<Stopping>().await;
}

/// A server that boots from a volume, which is written over.
struct Rebuilding(Cloud, String);

#[async_trait]
impl World for Rebuilding {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        cloud.volumes.put(VOLUME).await;
        let (api, engine) = cloud.process();
        let body = json!({"server": {"name": "v", "flavorRef": "42", "networks": [{"uuid": NETWORK}],
            "block_device_mapping_v2": [{"source_type": "volume", "destination_type": "volume", "uuid": VOLUME, "boot_index": 0}]}});
        let id = id_of(&expect(&api.token("member").call("POST /compute/v2.1/servers", body).await, 202));
        cloud.reach(&id, "ACTIVE").await;
        drop(engine);
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
        let body = json!({"rebuild": {"imageRef": IMAGE, "name": "anew"}});
        ask_by(&self.0, starter, "member", "compute 2.93", &request, body).await
    }
    async fn check(&self, disturbance: Disturbance) {
        assert_ended(&self.0, &self.1, disturbance);
        self.0.reach(&self.1, if failed(disturbance) { "ERROR" } else { "ACTIVE" }).await;
        self.0.until("the volume to be in use", |_| (self.0.volumes.status(VOLUME)? == "in-use").then_some(())).await;
        let written = self.0.volumes.image(VOLUME).is_some();
        assert!(written || failed(disturbance), "{disturbance:?}: the volume is as it was");
        // What has its old disk goes on with it; what has a new one starts with that.
        let runs = |_: &store::Snapshot| {
            let guest = self.0.hosts.guest(&self.1)?;
            (guest.state == VmState::Running).then_some(())
        };
        if !failed(disturbance) || !written {
            self.0.until(&format!("{disturbance:?}: the guest to run"), runs).await;
            assert_eq!(self.0.volumes.exports().len(), 1, "{disturbance:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rebuilding_a_volume_survives_everything() {
    torture::<Rebuilding>().await;
}

#[tokio::test]
async fn power_goes_where_it_is_sent() {
    let (cloud, id) = with_server().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let act = async |action: Value, status: &str, state: VmState| {
        let answer = member.call(&format!("POST /compute/v2.1/servers/{id}/action"), action.clone()).await;
        expect(&answer, 202);
        cloud.reach(&id, status).await;
        assert_eq!(cloud.hosts.guest(&id).unwrap().state, state, "{action}");
    };
    act(json!({"pause": null}), "PAUSED", VmState::Paused).await;
    act(json!({"unpause": null}), "ACTIVE", VmState::Running).await;
    act(json!({"reboot": {"type": "SOFT"}}), "ACTIVE", VmState::Running).await;
    assert_eq!(cloud.hosts.guest(&id).unwrap().reboots, 1);
    act(json!({"os-stop": null}), "SHUTOFF", VmState::Shutdown).await;
    act(json!({"os-start": null}), "ACTIVE", VmState::Running).await;
    act(json!({"suspend": null}), "SUSPENDED", VmState::Suspended).await;
    act(json!({"resume": null}), "ACTIVE", VmState::Running).await;
    act(json!({"os-stop": null}), "SHUTOFF", VmState::Shutdown).await;
    act(json!({"reboot": {"type": "hard"}}), "ACTIVE", VmState::Running).await;
    assert_eq!(cloud.hosts.guest(&id).unwrap().reboots, 2);
    cloud.assert_clean("power");
}

#[tokio::test]
async fn states_forbid_what_makes_no_sense() {
    let (cloud, id) = with_server().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    for (action, name) in [(json!({"os-start": null}), "start"), (json!({"unpause": null}), "unpause")] {
        let refused = member.call(&format!("POST /compute/v2.1/servers/{id}/action"), action).await;
        let text = format!("Cannot '{name}' instance {id} while it is in vm_state active");
        assert_eq!(expect(&refused, 409)["conflictingRequest"]["message"], text);
    }
    cloud.assert_clean("refused");
}

#[tokio::test]
async fn a_guest_that_powers_off_takes_its_server_along() {
    let (cloud, id) = with_server().await;
    cloud.hosts.guest_becomes(&id, VmState::Shutdown).await;
    let server = cloud.server(&id);
    assert_eq!((server.status(), server.power.number()), ("SHUTOFF", 4), "in the transaction that brought the news");
    let intent = cloud.store.snapshot().get::<VmIntent>(&id).unwrap();
    assert_eq!(intent.power, compute::model::vm::Power::Stopped, "so that nothing starts it again");
    let (api, _engine) = cloud.process();
    let start = json!({"os-start": null});
    expect(&api.token("member").call(&format!("POST /compute/v2.1/servers/{id}/action"), start).await, 202);
    cloud.reach(&id, "ACTIVE").await;
    cloud.assert_clean("up again");
}

#[tokio::test]
async fn what_a_host_says_twice_is_written_once() {
    let (cloud, id) = with_server().await;
    let seen = cloud.store.snapshot().get::<compute::model::vm::VmObserved>(&id).unwrap();
    let before = cloud.store.snapshot().revision();
    let again = |sequence, host: &str| compute::model::vm::VmObserved {
        sequence: seen.sequence + sequence,
        host: host.into(),
        ..(*seen).clone()
    };
    let mut elsewhere = again(5, "h9");
    elsewhere.state = VmState::Crashed;
    let mut old = again(0, &seen.host);
    old.state = VmState::Crashed;
    cloud.hosts.report(vec![again(1, &seen.host), elsewhere, old]).await;
    assert_eq!(cloud.store.snapshot().revision(), before);
    assert_eq!(cloud.server(&id).status(), "ACTIVE");
}

/// The names of the disks that a host shall have of a server.
fn disks(cloud: &Cloud, id: &str) -> Vec<String> {
    let intent = cloud.store.snapshot().get::<VmIntent>(id).unwrap();
    intent.local_disks.iter().map(|d| d.name.clone()).collect()
}

#[tokio::test]
async fn rescued_unrescued_and_rebuilt() {
    let (cloud, id) = with_server().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.79");
    let path = format!("POST /compute/v2.1/servers/{id}/action");
    let act = async |action: Value, status: u16| expect(&member.call(&path, action).await, status);
    let pass = act(json!({"rescue": {"adminPass": "secret"}}), 200).await;
    assert_eq!(pass, json!({"adminPass": "secret"}));
    cloud.reach(&id, "RESCUE").await;
    let rescued = disks(&cloud, &id);
    assert!(rescued.len() == 2 && rescued[1].starts_with("rescue"), "{rescued:?}");
    let refused = act(json!({"rescue": {}}), 409).await;
    let text = format!("Cannot 'rescue' instance {id} while it is in vm_state rescued");
    assert_eq!(refused["conflictingRequest"]["message"], text);
    act(json!({"unrescue": null}), 202).await;
    cloud.reach(&id, "ACTIVE").await;
    assert_eq!(disks(&cloud, &id), ["root"]);
    assert_eq!(cloud.hosts.guest(&id).unwrap().reboots, 2);
    let asked = json!({"rebuild": {"imageRef": crate::world::IMAGE, "name": "again", "metadata": {"a": "b"}}});
    let rebuilt = act(asked, 202).await;
    assert_eq!((&rebuilt["server"]["name"], &rebuilt["server"]["status"]), (&json!("again"), &json!("REBUILD")));
    cloud.reach(&id, "ACTIVE").await;
    assert_eq!(disks(&cloud, &id), ["rootv2"], "a disk of its own, anew");
    cloud.hosts.mood("h1", |m| m.refuses = None);
    let unknown = json!({"rebuild": {"imageRef": "33333333-3333-4333-8333-333333333333"}});
    assert_eq!(act(unknown, 400).await["badRequest"]["message"], "Cannot find image for rebuild");
    cloud.assert_clean("rebuilt");
}

#[tokio::test]
async fn backups_rotate_and_guests_are_called() {
    let (cloud, id) = with_server().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.79");
    let path = format!("POST /compute/v2.1/servers/{id}/action");
    let mut made = Vec::new();
    for name in ["one", "two"] {
        let body = json!({"createBackup": {"name": name, "backup_type": "daily", "rotation": 1}});
        let answer = expect(&member.call(&path, body).await, 202);
        cloud.reach(&id, "ACTIVE").await;
        made.push(answer["image_id"].as_str().unwrap().to_owned());
    }
    let left: Vec<_> = made.iter().filter(|image| cloud.images.get(image).is_some()).collect();
    assert_eq!(left.len(), 1, "one of two is kept");
    expect(&member.call(&path, json!({"changePassword": {"adminPass": "x"}})).await, 202);
    expect(&member.call(&path, json!({"trigger_crash_dump": null})).await, 202);
    let asked: Vec<_> = cloud.hosts.calls.lock().iter().map(|(method, _)| method.clone()).collect();
    assert!(asked.ends_with(&["vm.set_password".into(), "vm.inject_nmi".into()]), "{asked:?}");
    expect(&member.call(&path, json!({"restore": null})).await, 409);
    expect(&member.call(&path, json!({"forceDelete": null})).await, 202);
    cloud.gone(&id).await;
    cloud.assert_clean("force deleted");
}
