//! Interoperable import, through kills and freezes; stores, tasks, limits.

use crate::world::{Cloud, active, create, expect, refused, upload};
use async_trait::async_trait;
use drivers_blk::qemu_img::QemuImg;
use flow::{
    EngineBuilder, FlowRecord, Starter,
    testkit::{Disturbance, World, torture},
};
use http::testkit::{Answer, Api};
use image::{Conversion, ImageDeps, Status, driver::ImageStore};
use kernel::{Error, FlowId};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc};
use store::{Store, WatchItem};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

async fn stage(api: &Api, id: &str, data: &str) -> Answer {
    let api = api.with("content-type", "application/octet-stream");
    api.send(&format!("PUT /image/v2/images/{id}/stage"), data.to_owned()).await
}

async fn import(api: &Api, id: &str, body: Value) -> Answer {
    api.call(&format!("POST /image/v2/images/{id}/import"), body).await
}

fn method(name: &str) -> Value {
    json!({"method": {"name": name}})
}

fn web(uri: &str) -> Value {
    json!({"method": {"name": "web-download", "uri": uri}})
}

async fn show(api: &Api, id: &str) -> Value {
    expect(&api.call(&format!("GET /image/v2/images/{id}"), None).await, 200)
}

async fn tasks(api: &Api, id: &str) -> Vec<Value> {
    let list = expect(&api.call(&format!("GET /image/v2/images/{id}/tasks"), None).await, 200);
    list["tasks"].as_array().unwrap().clone()
}

#[tokio::test]
async fn staged_bytes_go_to_all_stores() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.running().await;
    let member = api.token("member");
    let id = create(&member, "raw").await;
    refused(&import(&member, &id, method("glance-direct")).await, 409, "needs to be staged");
    expect(&stage(&member, &id, "hello").await, 204);
    assert_eq!(show(&member, &id).await["status"], "uploading");
    refused(&stage(&member, &id, "again").await, 409, "has data on staging");
    refused(&upload(&member, &id, "again").await, 409, "not allowed");
    let all = json!({"method": {"name": "glance-direct"}, "all_stores": true});
    let asked = import(&member, &id, all.clone()).await;
    expect(&asked, 202);
    cloud.imported(&id).await;
    let done = show(&member, &id).await;
    assert_eq!(
        json!([
            done["status"],
            done["size"],
            done["stores"],
            done["os_glance_importing_to_stores"],
            done["os_glance_failed_import"]
        ]),
        json!(["active", 5, "bulk,fast", "", ""])
    );
    assert!(done.get("os_glance_import_task").is_none() && done["os_hash_value"].is_string(), "{done}");
    assert_eq!(member.call(&format!("GET /image/v2/images/{id}/file"), None).await.text(), "hello");
    let tasks = tasks(&member, &id).await;
    assert_eq!(tasks.len(), 1);
    assert_eq!((&tasks[0]["status"], &tasks[0]["input"]["import_req"]), (&json!("success"), &all));
    assert_eq!(tasks[0]["request_id"], asked.header("x-openstack-request-id"));
    refused(&import(&member, &id, method("glance-direct")).await, 409, "status active cannot be target");
    // Out of one store, not out of the last.
    let admin = api.token("admin");
    let from = |store: &str| format!("DELETE /image/v2/stores/{store}/{id}");
    refused(&member.call(&from("fast"), None).await, 403, "delete_image_location");
    refused(&admin.call(&from("tape"), None).await, 409, "not available on this node");
    expect(&admin.call(&from("fast"), None).await, 204);
    refused(&admin.call(&from("bulk"), None).await, 403, "only store containing it");
    assert_eq!(show(&member, &id).await["stores"], "bulk");
    assert_eq!(member.call(&format!("GET /image/v2/images/{id}/file"), None).await.text(), "hello");
    cloud.assert_holds(0).await;
    // And back again.
    refused(&import(&member, &id, method("copy-image")).await, 403, "copy_image");
    let copy = json!({"method": {"name": "copy-image"}, "stores": ["bulk"]});
    refused(&import(&admin, &id, copy).await, 400, "already present at store 'bulk'");
    expect(&import(&admin, &id, json!({"method": {"name": "copy-image"}, "all_stores": true})).await, 202);
    assert_eq!(cloud.imported(&id).await.locations.len(), 2);
    cloud.assert_holds(1).await;
    expect(&member.call(&format!("DELETE /image/v2/images/{id}"), None).await, 204);
    cloud.assert_holds(0).await;
}

#[tokio::test]
async fn what_cannot_be_imported_is_said_and_leaves_nothing() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.running().await;
    let (member, reader, other) = (api.token("member"), api.token("reader"), api.token("other"));
    let id = create(&member, "raw").await;
    for (body, status, words) in [
        (json!({}), 400, "requires a 'method' field"),
        (json!({"method": {}}), 400, "requires a 'name' field"),
        (method("teleport"), 400, "Unknown import method name 'teleport'."),
        (json!({"method": {"name": "glance-direct"}, "all_stores": 1}), 400, "must be boolean"),
        (json!({"method": {"name": "web-download", "uri": "http://127.0.0.1/"}, "stores": ["x"]}), 409, "'x'"),
        (
            json!({"method": {"name": "web-download", "uri": "http://127.0.0.1/"}, "stores": ["fast"], "all_stores": true}),
            400,
            "can't be used",
        ),
        (method("copy-image"), 409, "Only images with status active"),
        (web("http://169.254.169.254/latest"), 400, "does not pass filtering: http://169.254"),
        (web("file:///etc/passwd"), 400, "does not pass filtering"),
        (web(""), 400, "does not pass filtering"),
        (method("glance-download"), 400, "'glance_region' needs to be set"),
        (
            json!({"method": {"name": "glance-download", "glance_region": "R"}}),
            400,
            "'glance_image_id' needs to be set",
        ),
        (
            json!({"method": {"name": "glance-download", "glance_region": "R", "glance_image_id": "foo"}}),
            400,
            "image id does not look like a UUID",
        ),
    ] {
        refused(&import(&member, &id, body).await, status, words);
    }
    expect(&stage(&member, &id, "hello").await, 204);
    assert_eq!(import(&reader, &id, method("glance-direct")).await.status, 403);
    refused(&import(&other, &id, method("glance-direct")).await, 404, "Failed to find image");
    assert_eq!(stage(&reader, &id, "x").await.status, 403);
    // A store that is full: nothing is half done, and the staged bytes are gone with the failure.
    cloud.bulk.break_with(Some(Error::too_large("the image store has no space left")));
    expect(&import(&member, &id, json!({"method": {"name": "glance-direct"}, "all_stores": true})).await, 202);
    cloud.imported(&id).await;
    let failed = show(&member, &id).await;
    assert_eq!(
        json!([failed["status"], failed["size"], failed["os_glance_failed_import"]]),
        json!(["queued", null, "bulk,fast"])
    );
    assert!(tasks(&member, &id).await[0]["message"].as_str().unwrap().contains("no space left"));
    cloud.assert_holds(0).await;
    // Unless some will do.
    expect(&stage(&member, &id, "hello").await, 204);
    let some = json!({"method": {"name": "glance-direct"}, "all_stores": true, "all_stores_must_succeed": false});
    expect(&import(&member, &id, some).await, 202);
    cloud.imported(&id).await;
    let partly = show(&member, &id).await;
    assert_eq!(
        json!([partly["status"], partly["stores"], partly["os_glance_failed_import"]]),
        json!(["active", "fast", "bulk"])
    );
    cloud.assert_holds(1).await;
    assert_eq!(cloud.staging.list().await.unwrap(), [] as [String; 0]);
}

/// The inspector sees staged bytes before any store does.
#[tokio::test]
async fn a_hostile_image_is_not_imported() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.running().await;
    let member = api.token("member");
    for (declared, content, words) in [
        ("qcow2", "no header at all", "declared as qcow2"),
        ("vmdk", "# Disk DescriptorFile\nRW 1 FLAT \"/etc/shadow\" 0\n", "safe to use"),
        ("raw", "QFI\u{0}\u{0}\u{0}\u{0}\u{3}", ""),
    ] {
        let id = create(&member, declared).await;
        expect(&stage(&member, &id, content).await, 204);
        expect(&import(&member, &id, method("glance-direct")).await, 202);
        let image = cloud.imported(&id).await;
        let task = &tasks(&member, &id).await[0];
        if words.is_empty() {
            assert_eq!(image.status, Status::Active, "{task}: only a magic of four bytes makes a qcow2");
            expect(&member.call(&format!("DELETE /image/v2/images/{id}"), None).await, 204);
        } else {
            assert_eq!(
                (image.status, image.staged.is_some(), task["status"].as_str()),
                (Status::Queued, false, Some("failure"))
            );
            assert!(task["message"].as_str().unwrap().contains(words), "{task}");
        }
        cloud.assert_holds(0).await;
    }
}

/// A small web server: `/image` has one, `/hop` leads there, `/away` to where nobody may go, `/round` nowhere.
async fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let read = socket.read(&mut head).await.unwrap_or(0);
            let line = String::from_utf8_lossy(&head[..read]).into_owned();
            let answer = match line.split(' ').nth(1).unwrap_or_default() {
                "/image" => "200 OK\r\nContent-Length: 7\r\n\r\nfromweb".to_owned(),
                "/short" => "200 OK\r\nContent-Length: 70\r\n\r\nfromweb".to_owned(),
                "/hop" => "302 Found\r\nContent-Length: 0\r\nLocation: /image\r\n\r\n".to_owned(),
                "/away" => {
                    "301 Moved\r\nContent-Length: 0\r\nLocation: http://169.254.169.254/latest\r\n\r\n".to_owned()
                }
                "/round" => "302 Found\r\nContent-Length: 0\r\nLocation: /round\r\n\r\n".to_owned(),
                _ => "404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            };
            let answer = format!("HTTP/1.1 {}", answer.replacen("\r\n", "\r\nConnection: close\r\n", 1));
            let _ = socket.write_all(answer.as_bytes()).await; // a client that has gone needs no answer
        }
    });
    base
}

#[tokio::test]
async fn images_come_from_the_web_as_far_as_they_may() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.running().await;
    let (member, base) = (api.token("member"), server().await);
    for path in ["/image", "/hop"] {
        let id = create(&member, "raw").await;
        expect(&import(&member, &id, web(&format!("{base}{path}"))).await, 202);
        assert_eq!(cloud.imported(&id).await.status, Status::Active, "{path}");
        assert_eq!(member.call(&format!("GET /image/v2/images/{id}/file"), None).await.text(), "fromweb");
        expect(&member.call(&format!("DELETE /image/v2/images/{id}"), None).await, 204);
    }
    for (path, words) in [
        ("/away", "does not pass filtering: http://169.254.169.254/latest"),
        ("/round", "one redirect too many"),
        ("/nothing", "answered 404"),
        ("/short", "ended early"),
    ] {
        let id = create(&member, "raw").await;
        expect(&import(&member, &id, web(&format!("{base}{path}"))).await, 202);
        assert_eq!(cloud.imported(&id).await.status, Status::Queued, "{path}");
        let task = &tasks(&member, &id).await[0];
        assert!(task["message"].as_str().unwrap().contains(words), "{path}: {task}");
        assert_eq!(show(&member, &id).await["os_glance_failed_import"], "fast");
    }
    cloud.assert_holds(0).await;
}

#[tokio::test]
async fn another_images_bytes_bring_its_format_and_some_properties() {
    let cloud = Cloud::new().await;
    let (api, _engine) = cloud.running().await;
    let (member, other) = (api.token("member"), api.token("other"));
    let source = active(&member, "theirs").await;
    let patch = member.with("content-type", "application/openstack-images-v2.1-json-patch");
    let add = |name: &str, value: &str| json!({"op": "add", "path": format!("/{name}"), "value": value});
    let body = json!([add("hw_cpu_cores", "5"), add("os_distro", "rhel"), add("speed", "88mph")]).to_string();
    expect(&patch.send(&format!("PATCH /image/v2/images/{source}"), body).await, 200);
    let from = |region: &str, id: &str| json!({"method": {"name": "glance-download", "glance_region": region, "glance_image_id": id}});
    let id = create(&member, "iso").await;
    expect(&import(&member, &id, from("RegionOne", &source)).await, 202);
    cloud.imported(&id).await;
    let got = show(&member, &id).await;
    assert_eq!(
        json!([got["status"], got["disk_format"], got["hw_cpu_cores"], got["os_distro"], got.get("speed")]),
        json!(["active", "raw", "5", "rhel", null])
    );
    // What cannot be had fails the task.
    for (api, region, source, words) in [
        (&member, "Mars", source.as_str(), "no image service in region Mars"),
        (&member, "RegionOne", crate::world::NOWHERE, "Failed to find image"),
        (&other, "RegionOne", source.as_str(), "Failed to find image"),
    ] {
        let id = create(api, "raw").await;
        expect(&import(api, &id, from(region, source)).await, 202);
        assert_eq!(cloud.imported(&id).await.status, Status::Queued);
        assert!(tasks(api, &id).await[0]["message"].as_str().unwrap().contains(words));
    }
    cloud.assert_holds(2).await;
}

#[tokio::test]
async fn an_image_may_go_while_it_is_imported() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    let id = create(&member, "raw").await;
    expect(&stage(&member, &id, "hello").await, 204);
    expect(&import(&member, &id, method("glance-direct")).await, 202); // nobody carries it out yet
    let busy = import(&member, &id, method("glance-direct")).await;
    refused(&busy, 409, "needs to be staged");
    assert_eq!(show(&member, &id).await["status"], "importing");
    expect(&member.call(&format!("DELETE /image/v2/images/{id}"), None).await, 204);
    let id_of = cloud.store.snapshot().all::<FlowRecord>().next().expect("its flow").id.clone();
    let moved = cloud.store.transact("test.takeover", move |tx| {
        tx.update::<FlowRecord>(&id_of, |r| r.owner.incarnation = "gone".into());
        Ok(())
    });
    moved.await.unwrap();
    let (_api, _engine) = cloud.running().await;
    let mut watch = cloud.store.watch();
    while cloud.store.snapshot().count::<FlowRecord>() > 0 {
        watch.next().await;
    }
    cloud.assert_holds(0).await;
    assert_eq!(cloud.staging.list().await.unwrap(), [] as [String; 0]);
}

/// Asks for an import and tells its flow, which may have ended already.
async fn started(cloud: &Cloud, api: &Api, id: &str, body: Value) -> FlowId {
    let mut watch = cloud.store.watch();
    expect(&import(api, id, body).await, 202);
    while let Some(WatchItem::Batch(batch)) = watch.try_next() {
        if let Some(started) = batch.of::<FlowRecord>().next() {
            return started.key.as_str().into();
        }
    }
    panic!("no flow was started")
}

/// An import under torture: what it is asked for, and what the image is before.
macro_rules! world {
    ($name:ident, $prepare:expr, $ask:expr, $before:expr) => {
        struct $name(Cloud, String);

        #[async_trait]
        impl World for $name {
            async fn new() -> Self {
                let cloud = Cloud::new().await;
                let member = cloud.api.token("member");
                let prepare: fn(Api) -> std::pin::Pin<Box<dyn Future<Output = String> + Send>> = $prepare;
                let id = prepare(member).await;
                Self(cloud, id)
            }
            fn store(&self) -> Store {
                self.0.store.clone()
            }
            fn register(&self, engine: EngineBuilder) -> EngineBuilder {
                image::flows(engine, &self.0.service)
            }
            async fn start(&self, starter: &Starter) -> FlowId {
                started(&self.0, &self.0.process(starter).token("admin"), &self.1, $ask).await
            }
            async fn check(&self, disturbance: Disturbance) {
                let image = self.0.image(&self.1);
                let failed = matches!(disturbance, Disturbance::Failed(_));
                let (status, stores): (&[Status], usize) = if failed { $before } else { (&[Status::Active], 2) };
                assert!(status.contains(&image.status), "{disturbance:?}: {image:?}");
                assert_eq!((image.locations.len(), &image.import_task), (stores, &None), "{disturbance:?}");
                self.0.assert_holds(stores.min(1)).await;
                let staged = self.0.staging.list().await.unwrap().len();
                assert_eq!(staged, usize::from(image.staged.is_some()), "{disturbance:?}: staged bytes");
                assert_eq!(image.staged.is_some(), image.status == Status::Uploading, "{disturbance:?}");
            }
        }
    };
}

world!(
    Direct,
    |member| Box::pin(async move {
        let id = create(&member, "raw").await;
        expect(&stage(&member, &id, "hello").await, 204);
        id
    }),
    json!({"method": {"name": "glance-direct"}, "all_stores": true}),
    (&[Status::Queued, Status::Uploading], 0)
);

world!(
    Copied,
    |member| Box::pin(async move { active(&member, "hello").await }),
    json!({"method": {"name": "copy-image"}, "all_stores": true}),
    (&[Status::Active], 1)
);

#[tokio::test]
async fn importing_staged_bytes_survives_everything() {
    torture::<Direct>().await;
}

#[tokio::test]
async fn copying_survives_everything() {
    torture::<Copied>().await;
}

#[tokio::test]
async fn fetching_survives_everything() {
    torture::<Fetched>().await;
}

/// Fetched from another image of the cloud: the bytes lie in staging between two steps.
struct Fetched(Cloud, String, String);

#[async_trait]
impl World for Fetched {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        let member = cloud.api.token("member");
        let (source, id) = (active(&member, "hello").await, create(&member, "raw").await);
        Self(cloud, id, source)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        image::flows(engine, &self.0.service)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        let member = self.0.process(starter).token("member");
        let ask = json!({"name": "glance-download", "glance_region": "RegionOne", "glance_image_id": self.2});
        started(&self.0, &member, &self.1, json!({"method": ask})).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let (image, failed) = (self.0.image(&self.1), matches!(disturbance, Disturbance::Failed(_)));
        assert_eq!(image.status, if failed { Status::Queued } else { Status::Active }, "{disturbance:?}");
        self.0.assert_holds(if failed { 1 } else { 2 }).await;
        assert_eq!(self.0.staging.list().await.unwrap(), [] as [String; 0], "{disturbance:?}");
    }
}

/// A cloud whose imported images all become qcow2.
async fn converting() -> Cloud {
    let conversion = |dir: &Path| Conversion {
        to: "qcow2".into(),
        converter: Arc::new(QemuImg::default()),
        dir: dir.join("os_glance_staging_store").join("incoming"),
    };
    Cloud::with(|deps, dir| ImageDeps { conversion: Some(conversion(dir)), ..deps }).await
}

struct Converted(Cloud, String);

#[async_trait]
impl World for Converted {
    async fn new() -> Self {
        let cloud = converting().await;
        let member = cloud.api.token("member");
        let id = create(&member, "raw").await;
        expect(&stage(&member, &id, &"x".repeat(512)).await, 204);
        Self(cloud, id)
    }
    fn store(&self) -> Store {
        self.0.store.clone()
    }
    fn register(&self, engine: EngineBuilder) -> EngineBuilder {
        image::flows(engine, &self.0.service)
    }
    async fn start(&self, starter: &Starter) -> FlowId {
        started(&self.0, &self.0.process(starter).token("member"), &self.1, method("glance-direct")).await
    }
    async fn check(&self, disturbance: Disturbance) {
        let (image, failed) = (self.0.image(&self.1), matches!(disturbance, Disturbance::Failed(_)));
        let format = if failed { "raw" } else { "qcow2" };
        assert_eq!(image.disk_format.as_deref(), Some(format), "{disturbance:?}");
        assert_eq!(image.virtual_size, (!failed).then_some(512), "{disturbance:?}");
        self.0.assert_holds(usize::from(!failed)).await;
        let staged = self.0.staging.list().await.unwrap().len();
        assert_eq!(staged, usize::from(image.staged.is_some()), "{disturbance:?}: staged bytes");
        let incoming = self.0.staging_dir().join("incoming");
        assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0, "{disturbance:?}: files on their way");
    }
}

#[tokio::test]
async fn converting_survives_everything() {
    torture::<Converted>().await;
}

#[tokio::test]
async fn what_is_no_disk_is_not_converted() {
    let cloud = converting().await;
    let (api, _engine) = cloud.running().await;
    let member = api.token("member");
    for (format, becomes) in [("raw", "qcow2"), ("ari", "ari")] {
        let id = create(&member, format).await;
        expect(&stage(&member, &id, &"x".repeat(512)).await, 204);
        expect(&import(&member, &id, method("glance-direct")).await, 202);
        cloud.imported(&id).await;
        let done = show(&member, &id).await;
        assert_eq!(json!([done["status"], done["disk_format"]]), json!(["active", becomes]));
        let bytes = member.call(&format!("GET /image/v2/images/{id}/file"), None).await;
        assert_eq!(bytes.body.starts_with(b"QFI\xfb"), becomes == "qcow2", "{format}");
    }
}

/// A start puts right what a kill left of a staging, and keeps what is staged.
#[tokio::test]
async fn a_start_keeps_what_is_staged_and_nothing_else() {
    let cloud = Cloud::new().await;
    let member = cloud.api.token("member");
    let id = create(&member, "raw").await;
    expect(&stage(&member, &id, "hello").await, 204);
    let stray = futures_util::stream::iter([Ok(bytes::Bytes::from("stray"))]);
    cloud.staging.write(Box::pin(stray), 100).await.unwrap();
    cloud.service.recover().await.unwrap();
    assert_eq!(cloud.staging.list().await.unwrap().len(), 1);
    assert_eq!(show(&member, &id).await["status"], "uploading");
    expect(&member.call(&format!("DELETE /image/v2/images/{id}"), None).await, 204);
    assert_eq!(cloud.staging.list().await.unwrap().len(), 0, "abandoned with its image");
}
