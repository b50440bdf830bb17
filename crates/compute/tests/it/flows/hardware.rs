//! Hardware that images and flavors ask for: refused where a request brings it, carried in the intent where it can be.

use super::{id_of, moving::act, new_server, with_server};
use crate::world::{Cloud, IMAGE, expect};
use compute::{
    driver::{Choice, Package, Video, VideoModel, WatchdogAction},
    model::{ComputeHost, Flavor, Server, vm::VmIntent},
};
use ports::ImageInfo;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const OTHER: &str = "11111111-1111-4111-8111-00000000000f";

async fn image(cloud: &Cloud, id: &str, properties: &[(&str, &str)]) {
    let properties = properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let (id, name) = (id.into(), "picky".into());
    cloud
        .images
        .put_with(ImageInfo { id, name, properties, status: "active".into(), size: 1 << 20, ..ImageInfo::default() })
        .await;
}

async fn flavor(cloud: &Cloud, id: &str, vcpus: u32, specs: &[(&str, &str)]) {
    let id = id.to_owned();
    let specs: Vec<_> = specs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let made = cloud.store.transact("test", move |tx| {
        let nano = tx.get::<Flavor>("42").unwrap();
        let mut new = Flavor { id: id.as_str().into(), name: id.clone(), vcpus, ..Flavor::clone(&nano) };
        new.extra_specs.extend(specs.clone());
        tx.put(new);
        Ok(())
    });
    made.await.unwrap();
}

/// The words of a 400.
async fn refused(cloud: &Cloud, path: &str, body: Value) -> String {
    let (api, _engine) = cloud.process();
    let answer = api.token("member").call(&format!("POST /compute/v2.1/servers{path}"), body).await;
    expect(&answer, 400)["badRequest"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_cannot_be_is_refused_at_create_resize_and_rebuild() {
    let (cloud, id) = with_server().await;
    image(&cloud, OTHER, &[("hw_vif_model", "token-ring")]).await;
    flavor(&cloud, "cubic", 2, &[("hw:cpu_max_sockets", "1"), ("hw:cpu_max_cores", "1"), ("hw:cpu_max_threads", "1")])
        .await;
    let mut body = new_server();
    body["server"]["imageRef"] = OTHER.into();
    let strange = "Invalid image metadata. Error: Field value token-ring is invalid";
    assert_eq!(refused(&cloud, "", body.clone()).await, strange);
    let action = format!("/{id}/action");
    assert_eq!(refused(&cloud, &action, json!({"rebuild": {"imageRef": OTHER}})).await, strange);
    let impossible = "Requested vCPU limits 1:1:1 are impossible to satisfy for vcpus count 2";
    assert_eq!(refused(&cloud, &action, json!({"resize": {"flavorRef": "cubic"}})).await, impossible);
    (body["server"]["imageRef"], body["server"]["flavorRef"]) = (IMAGE.into(), "cubic".into());
    assert_eq!(refused(&cloud, "", body.clone()).await, impossible);
    // Flavor and image disagree, and are named.
    image(&cloud, OTHER, &[("hw_pmu", "no")]).await;
    flavor(&cloud, "counting", 1, &[("hw:pmu", "yes")]).await;
    (body["server"]["imageRef"], body["server"]["flavorRef"]) = (OTHER.into(), "counting".into());
    assert_eq!(
        refused(&cloud, "", body).await,
        "Flavor counting has hw:pmu extra spec explicitly set to True, conflicting with image picky which has hw_pmu explicitly set \
         to False."
    );
    cloud.assert_clean("refused");
}

#[tokio::test]
async fn what_was_chosen_is_in_the_intent() {
    let cloud = Cloud::new().await;
    image(&cloud, OTHER, &[("hw_video_model", "virtio"), ("hw_cpu_cores", "2"), ("hw_time_hpet", "yes")]).await;
    flavor(&cloud, "large", 4, &[("hw:watchdog_action", "pause"), ("hw:cpu_max_sockets", "3")]).await;
    flavor(&cloud, "larger", 6, &[("hw:watchdog_action", "pause"), ("hw:cpu_max_sockets", "3")]).await;
    flavor(&cloud, "odd", 5, &[("hw:watchdog_action", "pause"), ("hw:cpu_max_sockets", "3")]).await;
    let (api, _engine) = cloud.process();
    let mut body = new_server();
    (body["server"]["imageRef"], body["server"]["flavorRef"]) = (OTHER.into(), "large".into());
    let id = id_of(&expect(&api.token("member").call("POST /compute/v2.1/servers", body).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    let spec = || cloud.store.snapshot().get::<VmIntent>(&id).unwrap().spec.clone();
    let hardware = spec().hardware;
    assert_eq!(hardware.package, Package { cores: 2, threads: 1 });
    assert_eq!(spec().room.unwrap().most_vcpus, 6, "three sockets");
    assert_eq!((hardware.watchdog, hardware.hpet), (Some(WatchdogAction::Pause), Choice::On));
    assert_eq!(hardware.video, Video { model: VideoModel::Virtio, ram_mib: None });
    // Another socket comes while it runs; sockets of another kind do not.
    let (member, action) = (api.token("member"), format!("POST /compute/v2.1/servers/{id}/action"));
    let odd = member.call(&action, json!({"resize": {"flavorRef": "odd"}})).await;
    let why = expect(&odd, 409)["conflictingRequest"]["message"].to_string();
    assert!(why.contains("its sockets would have other numbers of cores and threads"), "{why}");
    act(&cloud, &id, json!({"resize": {"flavorRef": "larger"}}), "VERIFY_RESIZE").await;
    assert_eq!((spec().vcpus, spec().hardware), (6, hardware));
    cloud.assert_clean("chosen");
}

fn of_machines(words: &[(&str, &str)]) -> BTreeMap<String, String> {
    words.iter().map(|(word, machine)| ((*word).to_owned(), (*machine).to_owned())).collect()
}

/// The host's QEMU is another one from now on.
async fn upgraded(cloud: &Cloud, host: &'static str, words: &[(&str, &str)]) {
    let machines = of_machines(words);
    let changed = cloud.store.transact("test", move |tx| {
        tx.update::<ComputeHost>(host, |host| host.capabilities.machines = machines.clone());
        Ok(())
    });
    changed.await.unwrap();
}

const OLD: &[(&str, &str)] =
    &[("pc", "pc-i440fx-7.2"), ("q35", "pc-q35-7.2"), ("pc-q35-7.2", "pc-q35-7.2"), ("pc-i440fx-7.2", "pc-i440fx-7.2")];
const BOTH: &[(&str, &str)] = &[
    ("pc", "pc-i440fx-10.0"),
    ("q35", "pc-q35-10.0"),
    ("pc-i440fx-7.2", "pc-i440fx-7.2"),
    ("pc-q35-7.2", "pc-q35-7.2"),
    ("pc-q35-10.0", "pc-q35-10.0"),
];
const NEW: &[(&str, &str)] = &[("pc", "pc-i440fx-10.0"), ("q35", "pc-q35-10.0"), ("pc-q35-10.0", "pc-q35-10.0")];

/// What the image's word stood for at first is what the guest is: through upgrades of its host, to other hosts, and until it is rebuilt.
#[tokio::test]
async fn a_guest_keeps_its_machine() {
    let (cloud, usual) = with_server().await;
    assert_eq!(cloud.server(&usual).machine_type.as_deref(), Some("pc-i440fx-7.2"), "of an image that says nothing");
    image(&cloud, OTHER, &[("hw_machine_type", "q35")]).await;
    let (api, engine) = cloud.process();
    let mut body = new_server();
    body["server"]["imageRef"] = OTHER.into();
    body["server"]["name"] = "two".into();
    let member = api.token("member");
    let id = id_of(&expect(&member.call("POST /compute/v2.1/servers", body.clone()).await, 202));
    cloud.reach(&id, "ACTIVE").await;
    drop(engine);
    let is = |id: &str| {
        let spec = cloud.store.snapshot().get::<VmIntent>(id).unwrap().spec.clone();
        assert_eq!(spec.machine_type, cloud.server(id).machine_type);
        spec.machine_type.unwrap()
    };
    let host = |id: &str| cloud.server(id).host.clone().unwrap().to_string();
    assert_eq!((is(&id).as_str(), host(&id).as_str()), ("pc-q35-7.2", "h2"));
    // The host of both is upgraded: they stay, started anew or not; what comes later is of the new kind.
    upgraded(&cloud, "h2", BOTH).await;
    act(&cloud, &id, json!({"reboot": {"type": "HARD"}}), "ACTIVE").await;
    assert_eq!(is(&id), "pc-q35-7.2");
    // To no host that has not got it, whether it runs or not, and the host's name and the reason are told.
    upgraded(&cloud, "h1", NEW).await;
    let (api, _engine) = cloud.process();
    let admin = api.token("admin").with("openstack-api-version", "compute 2.79");
    let action = format!("POST /compute/v2.1/servers/{id}/action");
    let live = admin.call(&action, json!({"os-migrateLive": {"host": "h1", "block_migration": "auto"}})).await;
    let why = expect(&live, 400)["badRequest"]["message"].as_str().unwrap().to_owned();
    assert_eq!(
        why,
        "Migration pre-check error: 'pc-q35-7.2' is not valid/supported machine type, Supported machine types are: ['pc', \
         'pc-q35-10.0', 'q35']"
    );
    for body in [json!({"os-migrateLive": {"host": null, "block_migration": "auto"}}), json!({"migrate": null})] {
        assert_eq!(admin.call(&action, body.clone()).await.status, 202, "{body}");
        cloud.until("the server to rest", |s| s.get::<Server>(&id).filter(|s| s.task.is_none())).await;
        cloud.reach(&id, "ACTIVE").await;
        assert_eq!((is(&id).as_str(), host(&id).as_str()), ("pc-q35-7.2", "h2"), "{body}");
    }
    upgraded(&cloud, "h1", OLD).await;
    act(&cloud, &id, json!({"os-migrateLive": {"host": "h1", "block_migration": "auto"}}), "ACTIVE").await;
    assert_eq!((is(&id).as_str(), host(&id).as_str()), ("pc-q35-7.2", "h1"));
    // A rebuild reads the image's word again.
    upgraded(&cloud, "h1", NEW).await;
    act(&cloud, &id, json!({"rebuild": {"imageRef": OTHER}}), "ACTIVE").await;
    assert_eq!(is(&id), "pc-q35-10.0");
    image(&cloud, OTHER, &[("hw_machine_type", "pc-q35-7.2")]).await;
    let rebuilt = member.call(&action, json!({"rebuild": {"imageRef": OTHER}})).await;
    let why = expect(&rebuilt, 400)["badRequest"]["message"].as_str().unwrap().to_owned();
    assert!(why.starts_with("'pc-q35-7.2' is not valid/supported machine type"), "{why}");
    assert_eq!(is(&id), "pc-q35-10.0");
    // An image that names one exactly goes where it is.
    body["server"]["name"] = "three".into();
    let third = id_of(&expect(&member.call("POST /compute/v2.1/servers", body).await, 202));
    cloud.reach(&third, "ACTIVE").await;
    assert_eq!((is(&third).as_str(), host(&third).as_str()), ("pc-q35-7.2", "h2"));
    cloud.assert_clean("kept");
}

/// As many queues as vCPUs, within the cloud's limit; a guest that is given more vCPUs while it runs has the interfaces that it began with.
#[tokio::test]
async fn interfaces_have_a_queue_for_each_vcpu() {
    for (most, queues) in [(0, Some(4)), (3, Some(3)), (1, None)] {
        let mut cloud = Cloud::new().await;
        cloud.config.max_queues = most;
        image(&cloud, OTHER, &[("hw_vif_multiqueue_enabled", "yes")]).await;
        flavor(&cloud, "wide", 4, &[]).await;
        flavor(&cloud, "wider", 6, &[]).await;
        let (api, _engine) = cloud.process();
        let mut body = new_server();
        (body["server"]["imageRef"], body["server"]["flavorRef"]) = (OTHER.into(), "wide".into());
        let id = id_of(&expect(&api.token("member").call("POST /compute/v2.1/servers", body).await, 202));
        cloud.reach(&id, "ACTIVE").await;
        let spec = || cloud.store.snapshot().get::<VmIntent>(&id).unwrap().spec.clone();
        assert_eq!(spec().hardware.nic_queues, queues, "{most}");
        act(&cloud, &id, json!({"resize": {"flavorRef": "wider"}}), "VERIFY_RESIZE").await;
        act(&cloud, &id, json!({"confirmResize": null}), "ACTIVE").await;
        act(&cloud, &id, json!({"os-migrateLive": {"host": null, "block_migration": "auto"}}), "ACTIVE").await;
        assert_eq!((spec().vcpus, spec().hardware.nic_queues), (6, queues), "{most}");
    }
}
