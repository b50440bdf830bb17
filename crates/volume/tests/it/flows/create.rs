use super::{ask, failed, register};
use crate::world::{Cloud, IMAGE, create, expect, snapshot};
use async_trait::async_trait;
use flow::{
    EngineBuilder, Starter,
    testkit::{Disturbance, World, torture},
};
use kernel::{Error, FlowId};
use ports::{ImageInfo, testkit::Key};
use serde_json::{Value, json};
use store::Store;

async fn start(cloud: &Cloud, starter: &Starter, volume: Value) -> FlowId {
    ask(cloud, starter, "POST /volume/v3/volumes", json!({"volume": volume})).await
}

fn check(cloud: &Cloud, name: &str, disturbance: Disturbance) {
    let volume = cloud.volumes().into_iter().find(|v| v.name.as_deref() == Some(name)).expect("the record stays");
    let (status, held) = (volume.status.as_str(), cloud.pools.held().contains_key(volume.id.as_str()));
    if failed(disturbance) {
        assert_eq!((status, held, &volume.pool), ("error", false, &None), "{disturbance:?}");
        assert_eq!(volume.fault.as_deref(), Some("injected failure"), "{disturbance:?}");
    } else {
        assert_eq!((status, held, volume.fault.as_deref()), ("available", true, None), "{disturbance:?}");
    }
    cloud.assert_clean(&format!("{disturbance:?}"));
}

struct Blank(Cloud);

#[async_trait]
impl World for Blank {
    async fn new() -> Self {
        Self(Cloud::new().await)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        start(&self.0, starter, json!({"size": 1, "name": "new"})).await
    }
    async fn check(&self, disturbance: Disturbance) {
        check(&self.0, "new", disturbance);
    }
}

#[tokio::test]
async fn making_a_volume_survives_everything() {
    torture::<Blank>().await;
}

struct Restored(Cloud, String);

#[async_trait]
impl World for Restored {
    async fn new() -> Self {
        let (cloud, volume) = Cloud::with_volume(1).await;
        let (api, _engine) = cloud.process();
        let snapshot = snapshot(&api.token("member"), &volume).await;
        cloud.reach_snapshot(&snapshot, "available").await;
        Self(cloud, snapshot)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        start(&self.0, starter, json!({"snapshot_id": self.1, "name": "new"})).await
    }
    async fn check(&self, disturbance: Disturbance) {
        check(&self.0, "new", disturbance);
    }
}

#[tokio::test]
async fn restoring_a_snapshot_survives_everything() {
    torture::<Restored>().await;
}

/// An encrypted one: whatever happens, there is a key as long as there is a record, and no export is left.
struct Encrypted(Cloud);

#[async_trait]
impl World for Encrypted {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        let admin = cloud.api(&Starter::new("setup".into())).token("admin");
        let made = expect(&admin.call("POST /volume/v3/types", json!({"volume_type": {"name": "luks"}})).await, 200);
        let at = format!("POST /volume/v3/types/{}/encryption", made["volume_type"]["id"].as_str().unwrap());
        let luks = json!({"encryption": {"provider": "luks", "control_location": "front-end"}});
        expect(&admin.call(&at, luks).await, 200);
        Self(cloud)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        start(&self.0, starter, json!({"size": 1, "name": "new", "volume_type": "luks"})).await
    }
    async fn check(&self, disturbance: Disturbance) {
        check(&self.0, "new", disturbance);
        let key = self.0.volumes()[0].encryption_key.clone().expect("it has a key");
        let keys: Vec<_> = self.0.store.snapshot().all::<Key>().map(|k| k.id.clone()).collect();
        assert_eq!(keys, [key], "{disturbance:?}");
    }
}

#[tokio::test]
async fn making_an_encrypted_volume_survives_everything() {
    torture::<Encrypted>().await;
}

/// Written over with an image under another key: whatever happens, the volume has one key, and none is left over.
struct Reimaged(Cloud, String, String);

#[async_trait]
impl World for Reimaged {
    async fn new() -> Self {
        let Encrypted(cloud) = Encrypted::new().await;
        let (api, _engine) = cloud.process();
        let mut ids = Vec::new();
        for _ in 0..2 {
            let id = create(&api.token("member"), json!({"size": 1, "volume_type": "luks"})).await;
            ids.push(cloud.reach(&id, "available").await.id.to_string());
        }
        let key = cloud.volume(&ids[0]).encryption_key.clone().expect("it has a key");
        let properties = [("cinder_encryption_key_id".to_owned(), key.clone())].into();
        let (status, size) = ("active".into(), 1 << 20);
        cloud.images.put_with(ImageInfo { id: IMAGE.into(), status, size, properties, ..ImageInfo::default() }).await;
        Self(cloud, ids.remove(1), key)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        register(&self.0, engine)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let reimage = json!({"os-reimage": {"image_id": IMAGE}});
        ask(&self.0, starter, &format!("POST /volume/v3/volumes/{}/action", self.1), reimage).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let (volume, view) = (self.0.volume(&self.1), self.0.store.snapshot());
        let octets = |id: &str| view.get::<Key>(id).expect("the key is there").octets.clone();
        let same = octets(volume.encryption_key.as_deref().expect("it has a key")) == octets(&self.2);
        let expected = if failed(disturbance) { ("error", false) } else { ("available", true) };
        assert_eq!((volume.status.as_str(), same), expected, "{disturbance:?}");
        assert_eq!(view.count::<Key>(), 2, "{disturbance:?}");
        self.0.assert_clean(&format!("{disturbance:?}"));
    }
}

#[tokio::test]
async fn reimaging_under_another_key_survives_everything() {
    torture::<Reimaged>().await;
}

#[tokio::test]
async fn a_pool_that_refuses_is_why_the_volume_is_in_error() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    cloud.pools.refuse("volume.create", Error::too_large("the pool's disk is full"));
    let id = create(&member, json!({"size": 1, "imageRef": IMAGE})).await;
    let volume = cloud.reach(&id, "error").await;
    assert_eq!(volume.fault.as_deref(), Some("the pool's disk is full"));
    cloud.assert_clean("refused");
    cloud.pools.heal();
    assert_eq!(member.call(&format!("DELETE /volume/v3/volumes/{id}"), None).await.status, 202);
    cloud.gone(&id).await;
    cloud.assert_clean("deleted");
}

#[tokio::test]
async fn nothing_is_placed_on_a_host_that_is_away_or_a_pool_that_is_full() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    let large = create(&member, json!({"size": 101})).await;
    let fault = cloud.reach(&large, "error").await.fault.clone().unwrap();
    assert!(fault.contains("100 GiB are left of 100 GiB"), "{fault}");
    cloud.pools.away(true);
    let lonely = create(&member, json!({"size": 1})).await;
    let fault = cloud.reach(&lonely, "error").await.fault.clone().unwrap();
    assert!(fault.contains("its host is not connected"), "{fault}");
    cloud.assert_clean("nothing was made");
}

/// A clone lies with its source, and counts there once.
#[tokio::test]
async fn a_clone_needs_its_own_room_only() {
    let (cloud, origin) = Cloud::with_volume(50).await;
    let (api, _engine) = cloud.process();
    let clone = create(&api.token("member"), json!({"source_volid": origin})).await;
    assert_eq!(cloud.reach(&clone, "available").await.pool.as_deref(), Some("h1@fake#paper"));
    let third = create(&api.token("member"), json!({"source_volid": origin})).await;
    let fault = cloud.reach(&third, "error").await.fault.clone().unwrap();
    assert!(fault.contains("0 GiB are left of 100 GiB"), "{fault}");
    cloud.assert_clean("two fit");
}

/// Deleting by force lets go of what is being made, whatever stage it is in, and the record stays `deleting` until it is gone.
#[tokio::test]
async fn a_volume_deleted_while_it_is_made_leaves_nothing() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    cloud.pools.refuse("volume.create", Error::unavailable("the pool does not answer"));
    let id = create(&api.token("member"), json!({"size": 1})).await;
    cloud.until("the volume to be placed", |view| view.get::<::volume::Volume>(&id)?.host.clone()).await;
    let mut watch = cloud.store.watch();
    let force = json!({"os-force_delete": {}});
    let deleted = api.token("admin").call(&format!("POST /volume/v3/volumes/{id}/action"), force).await;
    assert_eq!(deleted.status, 202, "{}", deleted.text());
    cloud.gone(&id).await;
    while let Some(store::WatchItem::Batch(batch)) = watch.try_next() {
        for new in batch.of::<::volume::Volume>().filter_map(|change| change.new.clone()) {
            assert_eq!(new.status.as_str(), "deleting");
        }
    }
    cloud.assert_clean("deleted");
}
