use super::{ask, failed, register};
use crate::world::{Cloud, SERVER, expect, flows, image::Image};
use async_trait::async_trait;
use flow::{
    Engine, EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{Error, FlowId, SystemClock};
use serde_json::json;
use store::Store;

macro_rules! world {
    ($name:ident, $size:literal, $request:literal, $body:expr) => {
        struct $name(Cloud, String);

        #[async_trait]
        impl World for $name {
            async fn new() -> Self {
                let (cloud, id) = Cloud::with_volume($size).await;
                Self(cloud, id)
            }
            fn store(&self) -> Store {
                self.0.store.clone()
            }
            fn register(&self, engine: EngineBuilder) -> EngineBuilder {
                register(&self.0, engine)
            }
            async fn start(&self, starter: &Starter) -> FlowId {
                ask(&self.0, starter, &format!($request, self.1), $body).await
            }
            async fn check(&self, disturbance: Disturbance) {
                self.look(disturbance);
                self.0.assert_clean(&format!("{disturbance:?}"));
            }
        }
    };
}

world!(Deleted, 1, "DELETE /volume/v3/volumes/{}", None);

impl Deleted {
    fn look(&self, disturbance: Disturbance) {
        let left: Vec<_> = self.0.volumes().iter().map(|v| v.status.as_str()).collect();
        let expected: &[&str] = if failed(disturbance) { &["error_deleting"] } else { &[] };
        assert_eq!(left, expected, "{disturbance:?}");
    }
}

#[tokio::test]
async fn deleting_survives_everything() {
    torture::<Deleted>().await;
}

world!(Extended, 1, "POST /volume/v3/volumes/{}/action", json!({"os-extend": {"new_size": 3}}));

impl Extended {
    fn look(&self, disturbance: Disturbance) {
        let volume = self.0.volume(&self.1);
        let expected = if failed(disturbance) { ("error_extending", 1) } else { ("available", 3) };
        assert_eq!((volume.status.as_str(), volume.size_gib), expected, "{disturbance:?}");
    }
}

#[tokio::test]
async fn extending_survives_everything() {
    torture::<Extended>().await;
}

/// With a process of its own for the flow that the flow under torture starts.
struct Uploaded(Cloud, String, Starter, #[expect(dead_code, reason = "runs until dropped")] Engine);

#[async_trait]
impl World for Uploaded {
    async fn new() -> Self {
        let (cloud, id) = Cloud::with_volume(1).await;
        let starter = Starter::new("janitor".into());
        let janitor = ::volume::flows(EngineBuilder::new(starter.clone()), &cloud.service(&starter));
        let engine = janitor.run(cloud.store.clone(), SystemClock::shared());
        Self(cloud, id, starter, engine)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        ::volume::flows(engine, &self.0.service(&self.2))
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let upload = json!({"os-volume_upload_image": {"image_name": "up", "disk_format": "qcow2"}});
        ask(&self.0, starter, &format!("POST /volume/v3/volumes/{}/action", self.1), upload).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let settled = |view: &store::Snapshot| {
            let made = view.all::<Image>().find(|i| i.0.name == "up");
            (made.is_none() == failed(disturbance) && flows(view) == 0).then_some(made)
        };
        if let Some(image) = self.0.until(&format!("{disturbance:?}: the image to settle"), settled).await {
            assert!(self.0.pools.uploaded().contains(image.0.id.as_str()), "{disturbance:?}: nothing was copied");
        }
        assert_eq!(self.0.volume(&self.1).status.as_str(), "available", "{disturbance:?}");
        self.0.assert_clean(&format!("{disturbance:?}"));
    }
}

#[tokio::test]
async fn uploading_survives_everything() {
    torture::<Uploaded>().await;
}

#[tokio::test]
async fn an_extension_that_fails_gives_its_quota_back_and_can_be_deleted() {
    let (cloud, id) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    cloud.pools.refuse("volume.extend", Error::too_large("the pool's disk is full"));
    let extend = json!({"os-extend": {"new_size": 9}});
    expect(&member.call(&format!("POST /volume/v3/volumes/{id}/action"), extend).await, 202);
    let volume = cloud.reach(&id, "error_extending").await;
    assert_eq!((volume.size_gib, volume.fault.as_deref()), (1, Some("the pool's disk is full")));
    cloud.assert_clean("not extended");
    expect(&member.call(&format!("DELETE /volume/v3/volumes/{id}"), None).await, 202);
    cloud.gone(&id).await;
}

/// Its attachments say what an uploaded volume is afterwards, not what it was before.
#[tokio::test]
async fn a_volume_detached_while_it_is_uploaded_is_available_afterwards() {
    let (cloud, id) = Cloud::with_volume(1).await;
    let (api, _engine) = cloud.process();
    let (member, admin) = (api.token("member"), api.token("admin"));
    let body = json!({"attachment": {"volume_uuid": id, "instance_uuid": SERVER, "connector": {"host": "h1"}}});
    let made = expect(&member.call("POST /volume/v3/attachments", body).await, 200);
    let attachment = made["attachment"]["id"].as_str().unwrap().to_owned();
    let complete = json!({"os-complete": {}});
    expect(&member.call(&format!("POST /volume/v3/attachments/{attachment}/action"), complete).await, 204);
    cloud.pools.refuse("volume.upload", Error::unavailable("slow"));
    let upload = json!({"os-volume_upload_image": {"image_name": "up", "force": true}});
    expect(&member.call(&format!("POST /volume/v3/volumes/{id}/action"), upload).await, 202);
    expect(&admin.call(&format!("DELETE /volume/v3/attachments/{attachment}"), None).await, 200);
    assert_eq!((cloud.volume(&id).status.as_str(), flows(&cloud.store.snapshot())), ("uploading", 1));
    cloud.pools.heal();
    cloud.reach(&id, "available").await;
    cloud.assert_clean("uploaded");
}
