//! Hardware that images and flavors ask for: refused where a request brings it, carried in the intent where it can be.

use super::{id_of, moving::act, new_server, with_server};
use crate::world::{Cloud, IMAGE, expect};
use compute::{
    driver::{Choice, Package, Video, VideoModel, WatchdogAction},
    model::{Flavor, vm::VmIntent},
};
use ports::ImageInfo;
use serde_json::{Value, json};

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
