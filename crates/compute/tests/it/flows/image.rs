use super::{ask, assert_ended, failed, with_server};
use crate::world::{Cloud, expect, image::Image};
use async_trait::async_trait;
use compute::flows::create_image::DiscardImage;
use flow::{
    Engine, EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{FlowId, SystemClock};
use serde_json::json;
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
