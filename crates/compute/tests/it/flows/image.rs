use super::{ask, assert_ended, failed, with_server};
use crate::world::{Cloud, NETWORK, expect, id_of, image::Image, volume::Volume};
use async_trait::async_trait;
use compute::{flows::create_image::DiscardImage, model::Server};
use flow::{
    Engine, EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{FlowId, SystemClock};
use serde_json::json;
use std::collections::BTreeMap;
use store::Store;

/// With a process of its own for the flow that the flow under torture starts.
struct Imaging(Cloud, String, Starter, #[expect(dead_code, reason = "runs until dropped")] Engine);

#[async_trait]
impl World for Imaging {
    async fn new() -> Self {
        let (cloud, id) = with_server().await;
        let starter = Starter::new("janitor".into());
        let janitor = EngineBuilder::new(starter.clone()).register(DiscardImage(cloud.compute(&starter)));
        let engine = janitor.run(cloud.store.clone(), SystemClock::shared());
        Self(cloud, id, starter, engine)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        self.0.compute(&self.2).flows(engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let action = json!({"createImage": {"name": "snap", "metadata": {"a": "b"}}});
        ask(&self.0, starter, &format!("POST /compute/v2.1/servers/{}/action", self.1), action).await
    }
    async fn check(&self, disturbance: Disturbance) {
        assert_ended(&self.0, &self.1, disturbance);
        let server = self.0.server(&self.1);
        assert_eq!((server.status(), server.task), ("ACTIVE", None), "{disturbance:?}");
        let settled = |s: &store::Snapshot| {
            let made = s.all::<Image>().find(|i| i.0.name == "snap");
            (made.is_none() == failed(disturbance)).then_some(made)
        };
        if let Some(image) = self.0.until(&format!("{disturbance:?}: the image to settle"), settled).await {
            assert_eq!((image.0.status.as_str(), image.0.properties["a"].as_str()), ("active", "b"));
            assert_eq!(image.0.properties["instance_uuid"], self.1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imaging_survives_everything() {
    torture::<Imaging>().await;
}

#[tokio::test]
async fn a_host_that_cannot_copy_leaves_no_image() {
    let (cloud, id) = with_server().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.45");
    let host = cloud.server(&id).host.clone().unwrap();
    cloud.hosts.mood(&host, |m| m.refuses = Some("the disk is full".into()));
    let action = json!({"createImage": {"name": "snap"}});
    let answer = member.call(&format!("POST /compute/v2.1/servers/{id}/action"), action).await;
    let image = expect(&answer, 202)["image_id"].as_str().unwrap().to_owned();
    cloud.reach(&id, "ACTIVE").await;
    cloud.until("the image to go", |_| cloud.images.get(&image).is_none().then_some(())).await;
    cloud.assert_clean("no image");
}

const VOLUME: &str = "33333333-3333-4333-8333-000000000009";

/// A server that boots from a volume, or from its host's disk, of an image with these properties.
async fn with_properties(on_volume: bool, properties: &[(&str, &str)]) -> (Cloud, String) {
    let (cloud, id) = if on_volume {
        let cloud = Cloud::new().await;
        cloud.volumes.put(VOLUME).await;
        let (api, engine) = cloud.process();
        let disk = json!([{"source_type": "volume", "destination_type": "volume", "uuid": VOLUME, "boot_index": 0}]);
        let body = json!({"server": {"name": "v", "flavorRef": "42", "networks": [{"uuid": NETWORK}], "block_device_mapping_v2": disk}});
        let id = id_of(&expect(&api.token("member").call("POST /compute/v2.1/servers", body).await, 202));
        cloud.reach(&id, "ACTIVE").await;
        drop(engine);
        (cloud, id)
    } else {
        with_server().await
    };
    let properties: BTreeMap<String, String> =
        properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let server = id.clone();
    let set = cloud.store.transact("test", move |tx| {
        tx.update::<Server>(&server, |s| s.properties.clone_from(&properties));
        Ok(())
    });
    set.await.unwrap();
    (cloud, id)
}

const AGENT: (&str, &str) = ("hw_qemu_guest_agent", "yes");
const REQUIRED: (&str, &str) = ("os_require_quiesce", "yes");

/// What the hosts were asked, of those calls.
fn asked(cloud: &Cloud, methods: &[&str]) -> Vec<(String, serde_json::Value)> {
    let calls = cloud.hosts.calls.lock();
    calls.iter().filter(|(method, _)| methods.contains(&method.as_str())).cloned().collect()
}

/// Whether an image was begun; the words if not.
async fn image_of(cloud: &Cloud, id: &str) -> std::result::Result<(), String> {
    let (api, _engine) = cloud.process();
    let member = api.token("member").with("openstack-api-version", "compute 2.45");
    let action = json!({"createImage": {"name": "snap"}});
    let answer = member.call(&format!("POST /compute/v2.1/servers/{id}/action"), action).await;
    if answer.status == 202 {
        cloud.until("flows to end", |s| (s.all::<flow::FlowRecord>().count() == 0).then_some(())).await;
        return Ok(());
    }
    Err(expect(&answer, 409)["conflictingRequest"]["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_disk_is_copied_with_its_file_systems_at_rest() {
    for (properties, expect) in [
        (&[][..], Ok("no")),
        (&[AGENT], Ok("if_possible")),
        (&[AGENT, REQUIRED], Ok("required")),
        (&[AGENT, ("os_require_quiesce", "no")], Ok("if_possible")),
        (&[REQUIRED], Err("QEMU guest agent is not enabled")),
        (&[("hw_qemu_guest_agent", "no"), REQUIRED], Err("QEMU guest agent is not enabled")),
    ] {
        let (cloud, id) = with_properties(false, properties).await;
        let told = image_of(&cloud, &id).await;
        assert_eq!(told.as_ref().map_err(String::as_str).err(), expect.err(), "{properties:?}");
        let copies: Vec<_> =
            asked(&cloud, &["vm.snapshot"]).into_iter().map(|(_, params)| params["quiesce"].clone()).collect();
        assert_eq!(copies, expect.into_iter().map(serde_json::Value::from).collect::<Vec<_>>(), "{properties:?}");
        cloud.assert_clean("copied");
    }
    // One that is off writes nothing, and nobody in it could be asked.
    let (cloud, id) = with_properties(false, &[REQUIRED]).await;
    super::moving::act(&cloud, &id, json!({"os-stop": null}), "SHUTOFF").await;
    image_of(&cloud, &id).await.unwrap();
    assert_eq!(asked(&cloud, &["vm.snapshot"])[0].1["quiesce"], "no");
}

#[tokio::test]
async fn volumes_are_snapshotted_with_file_systems_at_rest() {
    const CALLS: &[&str] = &["vm.freeze", "vm.thaw"];
    for (properties, deaf, expect, calls) in [
        (&[][..], false, Ok(()), 0),
        (&[AGENT], false, Ok(()), 2),
        (&[AGENT], true, Ok(()), 1),
        (&[AGENT, REQUIRED], false, Ok(()), 2),
        (&[AGENT, REQUIRED], true, Err("Failed to quiesce instance: the guest's agent does not answer"), 1),
        (&[REQUIRED], false, Err("QEMU guest agent is not enabled"), 0),
    ] {
        let (cloud, id) = with_properties(true, properties).await;
        let host = cloud.server(&id).host.clone().unwrap();
        cloud.hosts.mood(&host, |m| m.deaf = deaf);
        let told = image_of(&cloud, &id).await;
        assert_eq!(told.as_ref().map_err(String::as_str), expect.as_ref().map_err(|e| &**e), "{properties:?} {deaf}");
        let taken = cloud.store.snapshot().get::<Volume>(VOLUME).unwrap().snapshots.len();
        assert_eq!(taken, usize::from(expect.is_ok()), "{properties:?} {deaf}");
        let methods: Vec<_> = asked(&cloud, CALLS).into_iter().map(|(method, _)| method).collect();
        assert_eq!(methods, CALLS[..calls], "{properties:?} {deaf}");
        assert_eq!(cloud.hosts.held(), Vec::<String>::new(), "{properties:?} {deaf}");
        cloud.assert_clean("snapshotted");
    }
}

struct Thawing(Cloud, String);

#[async_trait]
impl World for Thawing {
    async fn new() -> Self {
        let (cloud, id) = with_properties(true, &[AGENT, REQUIRED]).await;
        Self(cloud, id)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        super::register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let action = json!({"createImage": {"name": "snap"}});
        ask(&self.0, starter, &format!("POST /compute/v2.1/servers/{}/action", self.1), action).await
    }
    /// After a failure it is the host that lets it go on.
    async fn check(&self, disturbance: Disturbance) {
        assert_ended(&self.0, &self.1, disturbance);
        assert!(self.0.hosts.held().is_empty() || failed(disturbance), "{disturbance:?}");
        assert_eq!(self.0.server(&self.1).status(), "ACTIVE");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thawing_survives_everything() {
    torture::<Thawing>().await;
}
