//! Encrypted volumes: their keys, and what is made of them.

use crate::world::{Cloud, IMAGE, P1, P2, backup, create, expect, refused, snapshot};
use http::testkit::Api;
use ports::{ImageInfo, VolumeEncryption, Volumes, testkit::Key};
use serde_json::{Value, json};
use std::sync::Arc;

/// A type `luks`, and a type `plain`.
async fn types(admin: &Api) {
    encrypted(admin, "luks", json!({"provider": "luks", "control_location": "front-end", "key_size": 256})).await;
    expect(&admin.call("POST /volume/v3/types", json!({"volume_type": {"name": "plain"}})).await, 200);
}

async fn encrypted(admin: &Api, name: &str, encryption: Value) {
    let made = expect(&admin.call("POST /volume/v3/types", json!({"volume_type": {"name": name}})).await, 200);
    let at = format!("POST /volume/v3/types/{}/encryption", made["volume_type"]["id"].as_str().unwrap());
    expect(&admin.call(&at, json!({"encryption": encryption})).await, 200);
}

fn key_of(cloud: &Cloud, volume: &str) -> Arc<Key> {
    let key = cloud.volume(volume).encryption_key.clone().expect("it has a key");
    cloud.store.snapshot().get::<Key>(&key).expect("the key is there")
}

fn keys(cloud: &Cloud) -> usize {
    cloud.store.snapshot().count::<Key>()
}

async fn made(cloud: &Cloud, api: &Api, body: Value) -> String {
    let id = create(api, body).await;
    cloud.reach(&id, "available").await;
    id
}

#[tokio::test]
async fn a_volume_has_a_key_for_as_long_as_it_is() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    types(&api.token("admin")).await;
    let id = made(&cloud, &member, json!({"size": 1, "volume_type": "luks"})).await;
    let key = key_of(&cloud, &id);
    assert_eq!((key.project.as_str(), key.octets.len(), key.name.clone()), (P1, 32, format!("volume {id}")));
    let luks = cloud.pools.held()[&id].luks.clone();
    assert_eq!(luks, json!({"cipher": {"bits": "256", "mode": "xts"}, "size": 1 << 30}));
    let show = |version: &str| member.with("openstack-api-version", version);
    let at = format!("GET /volume/v3/volumes/{id}");
    let shown = expect(&show("volume 3.64").call(&at, None).await, 200);
    assert_eq!((&shown["volume"]["encrypted"], &shown["volume"]["encryption_key_id"]), (&json!(true), &json!(key.id)));
    let shown = expect(&show("volume 3.63").call(&at, None).await, 200);
    assert!(shown["volume"].get("encryption_key_id").is_none(), "{shown}");
    let how = expect(&member.call(&format!("GET /volume/v3/volumes/{id}/encryption"), None).await, 200);
    assert_eq!((&how["encryption_key_id"], &how["provider"]), (&json!(key.id), &json!("luks")));
    let plain = made(&cloud, &member, json!({"size": 1, "volume_type": "plain"})).await;
    let shown = expect(&member.call(&format!("GET /volume/v3/volumes/{plain}"), None).await, 200);
    assert_eq!(shown["volume"]["encrypted"], false);
    assert!(shown["volume"].get("encryption_key_id").is_none());
    assert_eq!(cloud.pools.held()[&plain].luks, Value::Null);
    expect(&member.call(&format!("DELETE /volume/v3/volumes/{id}"), None).await, 202);
    cloud.gone(&id).await;
    assert_eq!(keys(&cloud), 0);
}

#[tokio::test]
async fn types_that_cannot_be_done_are_refused() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let admin = api.token("admin");
    for (name, encryption, part) in [
        ("none", json!({"provider": "NoOpEncryptor", "control_location": "front-end"}), "by provider NoOpEncryptor"),
        ("back", json!({"provider": "luks", "control_location": "back-end"}), "by the back-end"),
        (
            "fish",
            json!({"provider": "luks", "control_location": "front-end", "cipher": "twofish-xts-plain64"}),
            "twofish",
        ),
        ("short", json!({"provider": "luks", "control_location": "front-end", "key_size": 64}), "64 bits"),
    ] {
        encrypted(&admin, name, encryption).await;
        let body = json!({"volume": {"size": 1, "volume_type": name}});
        refused(&api.token("member").call("POST /volume/v3/volumes", body).await, 400, "badRequest", part);
    }
    assert_eq!((keys(&cloud), cloud.volumes().len()), (0, 0));
}

#[tokio::test]
async fn what_is_made_of_it_has_a_key_of_its_own_with_the_same_octets() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    types(&api.token("admin")).await;
    let origin = made(&cloud, &member, json!({"size": 1, "volume_type": "luks"})).await;
    let snapshot = snapshot(&member, &origin).await;
    cloud.reach_snapshot(&snapshot, "available").await;
    let kept = backup(&cloud, &member, json!({"volume_id": origin})).await;
    cloud.reach(&origin, "available").await;
    let shown = expect(&member.call(&format!("GET /volume/v3/backups/{kept}"), None).await, 200);
    assert_ne!(shown["backup"]["encryption_key_id"], json!(key_of(&cloud, &origin).id));
    for source in [
        json!({"source_volid": origin}),
        json!({"snapshot_id": snapshot}),
        json!({"backup_id": kept, "volume_type": "luks"}),
    ] {
        let copy = made(&cloud, &member, source.clone()).await;
        let (old, new) = (key_of(&cloud, &origin), key_of(&cloud, &copy));
        assert!(old.id != new.id && old.octets == new.octets, "{source}");
        assert_eq!(cloud.pools.held()[&copy].luks, Value::Null, "the header came with the bytes: {source}");
        let mut other = source.clone();
        other["volume_type"] = json!("plain");
        let refusal = member.call("POST /volume/v3/volumes", json!({"volume": other})).await;
        refused(&refusal, 400, "badRequest", "not compatible with the encryption");
    }
    let plain = made(&cloud, &member, json!({"size": 1, "volume_type": "plain"})).await;
    let body = json!({"volume": {"source_volid": plain, "volume_type": "luks"}});
    refused(&member.call("POST /volume/v3/volumes", body).await, 400, "badRequest", "not compatible");
    // Origin, its backup, and three copies.
    assert_eq!(keys(&cloud), 5);
    expect(&member.call(&format!("DELETE /volume/v3/backups/{kept}"), None).await, 202);
    cloud.until("the backup to be gone", |view| (view.count::<Key>() == 4).then_some(())).await;
}

/// A backup restored over a volume is read with the backup's key from then on.
#[tokio::test]
async fn a_restored_volume_takes_the_backups_key() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    types(&api.token("admin")).await;
    let origin = made(&cloud, &member, json!({"size": 1, "volume_type": "luks"})).await;
    let kept = backup(&cloud, &member, json!({"volume_id": origin})).await;
    let other = made(&cloud, &member, json!({"size": 1, "volume_type": "luks"})).await;
    let before = key_of(&cloud, &other);
    let restore = json!({"restore": {"volume_id": other}});
    expect(&member.call(&format!("POST /volume/v3/backups/{kept}/restore"), restore).await, 202);
    cloud.reach(&other, "available").await;
    let after = key_of(&cloud, &other);
    assert!(after.octets == key_of(&cloud, &origin).octets && after.octets != before.octets);
    assert!(cloud.store.snapshot().get::<Key>(&before.id).is_none());
    assert_eq!(keys(&cloud), 3);
}

#[tokio::test]
async fn what_is_written_over_a_volume_is_under_its_key() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    types(&api.token("admin")).await;
    let origin = made(&cloud, &member, json!({"size": 1, "volume_type": "luks"})).await;
    let image = |key: &str| ImageInfo {
        id: IMAGE.into(),
        status: "active".into(),
        size: 1 << 20,
        properties: [("cinder_encryption_key_id".to_owned(), key.to_owned())].into(),
        ..ImageInfo::default()
    };
    cloud.images.put_with(image(&key_of(&cloud, &origin).id)).await;
    let volume = made(&cloud, &member, json!({"size": 1, "volume_type": "luks"})).await;
    let reimage = |id: &str| {
        let (member, at) = (&member, format!("POST /volume/v3/volumes/{id}/action"));
        async move { member.call(&at, json!({"os-reimage": {"image_id": IMAGE}})).await }
    };
    // An encrypted image brings its key; snapshots under the volume's would be lost with it.
    let before = key_of(&cloud, &volume);
    let kept = snapshot(&member, &volume).await;
    cloud.reach_snapshot(&kept, "available").await;
    refused(&reimage(&volume).await, 400, "badRequest", "snapshots under its encryption key");
    expect(&member.call(&format!("DELETE /volume/v3/snapshots/{kept}"), None).await, 202);
    cloud.until("the snapshot to be gone", |v| (v.count::<volume::Snapshot>() == 0).then_some(())).await;
    expect(&reimage(&volume).await, 202);
    cloud.reach(&volume, "available").await;
    let after = key_of(&cloud, &volume);
    assert!(after.octets == key_of(&cloud, &origin).octets && after.octets != before.octets);
    assert!(cloud.store.snapshot().get::<Key>(&before.id).is_none());
    assert_eq!((keys(&cloud), cloud.pools.held()[&volume].luks.clone()), (2, Value::Null));
    // The same again changes no key; a plain image is encrypted with the one there is.
    expect(&reimage(&volume).await, 202);
    cloud.reach(&volume, "available").await;
    cloud.images.put_with(ImageInfo { properties: [].into(), ..image("") }).await;
    expect(&reimage(&volume).await, 202);
    cloud.reach(&volume, "available").await;
    assert_eq!((key_of(&cloud, &volume).id.clone(), keys(&cloud)), (after.id.clone(), 2));
    assert_eq!(cloud.pools.held()[&volume].luks["size"], 1 << 30);
    // Into a plain volume it does not go, nor a plain backup over an encrypted one, nor another project's key.
    cloud.images.put_with(image(&after.id)).await;
    let plain = made(&cloud, &member, json!({"size": 1, "volume_type": "plain"})).await;
    refused(&reimage(&plain).await, 400, "badRequest", "must both be encrypted, or neither");
    let kept = backup(&cloud, &member, json!({"volume_id": plain})).await;
    let restore = json!({"restore": {"volume_id": volume}});
    let onto = member.call(&format!("POST /volume/v3/backups/{kept}/restore"), restore).await;
    refused(&onto, 400, "badRequest", "must both be encrypted, or neither");
    let other = api.token("other");
    let theirs = made(&cloud, &other, json!({"size": 1, "volume_type": "luks"})).await;
    cloud.images.put_with(image(&key_of(&cloud, &theirs).id)).await;
    refused(&reimage(&volume).await, 400, "badRequest", "no key of this project");
    assert_eq!(key_of(&cloud, &volume).id, after.id);
}

#[tokio::test]
async fn images_of_it_carry_a_key_that_only_its_project_may_use() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (member, other) = (api.token("member"), api.token("other"));
    types(&api.token("admin")).await;
    let origin = made(&cloud, &member, json!({"size": 1, "volume_type": "luks"})).await;
    let at = format!("POST /volume/v3/volumes/{origin}/action");
    let upload = |format: &str| json!({"os-volume_upload_image": {"image_name": "i", "disk_format": format}});
    refused(&member.call(&at, upload("qcow2")).await, 400, "badRequest", "disk_format raw");
    let sent = expect(&member.call(&at, upload("raw")).await, 202);
    cloud.reach(&origin, "available").await;
    let image = sent["os-volume_upload_image"]["image_id"].as_str().unwrap().to_owned();
    let properties = cloud.images.properties(&image);
    let copy = cloud.store.snapshot().get::<Key>(&properties["cinder_encryption_key_id"]).unwrap();
    assert_eq!(copy.octets, key_of(&cloud, &origin).octets);
    assert_eq!(properties["cinder_encryption_key_deletion_policy"], "on_image_deletion");
    // The bytes are encrypted already: they are not encrypted once more.
    let info =
        ImageInfo { id: IMAGE.into(), status: "active".into(), size: 1 << 20, properties, ..ImageInfo::default() };
    cloud.images.put_with(info).await;
    let volume = made(&cloud, &member, json!({"size": 1, "imageRef": IMAGE, "volume_type": "luks"})).await;
    assert_eq!(key_of(&cloud, &volume).octets, copy.octets);
    assert_eq!(cloud.pools.held()[&volume].luks, Value::Null);
    let body = json!({"volume": {"size": 1, "imageRef": IMAGE, "volume_type": "luks"}});
    refused(&other.call("POST /volume/v3/volumes", body).await, 400, "badRequest", "no key of this project");
}

#[tokio::test]
async fn a_key_that_is_gone_is_said_where_it_is_missed() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let member = api.token("member");
    types(&api.token("admin")).await;
    let id = made(&cloud, &member, json!({"size": 1, "volume_type": "luks"})).await;
    let service = cloud.service(&flow::Starter::new("port".into()));
    let key = service.key(&"h1".into(), &id.as_str().into()).await.unwrap();
    assert_eq!(key.as_bytes(), key_of(&cloud, &id).octets);
    let stranger = service.key(&"h2".into(), &id.as_str().into()).await.unwrap_err();
    assert_eq!(stranger.status(), 403, "{stranger}");
    let lost = key_of(&cloud, &id).id.clone();
    let removed = lost.clone();
    cloud.store.transact("test", move |tx| Ok(tx.delete::<Key>(&removed))).await.unwrap();
    let gone = service.key(&"h1".into(), &id.as_str().into()).await.unwrap_err();
    assert_eq!((gone.status(), gone.message().contains(&lost)), (409, true), "{gone}");
    let clone = member.call("POST /volume/v3/volumes", json!({"volume": {"source_volid": id}})).await;
    refused(&clone, 409, "conflictingRequest", "not in the key manager any more");
    expect(&member.call(&format!("DELETE /volume/v3/volumes/{id}"), None).await, 202);
    cloud.gone(&id).await;
    assert_eq!(VolumeEncryption::default(), VolumeEncryption::None);
}

#[tokio::test]
async fn a_transfer_hands_the_key_over() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.process();
    let (member, other) = (api.token("member"), api.token("other"));
    types(&api.token("admin")).await;
    let id = made(&cloud, &member, json!({"size": 1, "volume_type": "luks"})).await;
    let before = key_of(&cloud, &id);
    let offer = json!({"transfer": {"volume_id": id}});
    let old = member.with("openstack-api-version", "volume 3.69");
    refused(&old.call("POST /volume/v3/volume-transfers", offer.clone()).await, 400, "badRequest", "not supported");
    let made = expect(&member.call("POST /volume/v3/volume-transfers", offer).await, 202);
    let at = format!("POST /volume/v3/volume-transfers/{}/accept", made["transfer"]["id"].as_str().unwrap());
    expect(&other.call(&at, json!({"accept": {"auth_key": made["transfer"]["auth_key"]}})).await, 202);
    let after = key_of(&cloud, &id);
    assert_eq!((after.project.as_str(), &after.octets), (P2, &before.octets));
    assert!(cloud.store.snapshot().get::<Key>(&before.id).is_none());
}
