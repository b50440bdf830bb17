//! A member with two stores in a directory of its own, and clients.

use async_trait::async_trait;
use drivers_blk::{image_store::FileStore, inspect::HeaderInspector};
use http::testkit::{Answer, Api, Tokens, deps, member_of};
use image::{
    Image, ImageDeps, ImageService,
    driver::{ByteStream, ImageStore, Written},
};
use kernel::{Error, Result, SystemClock};
use parking_lot::Mutex;
use policy::Policies;
use serde_json::{Value, json};
use std::{path::PathBuf, sync::Arc};
use store::{Schema, Store};

pub const NOWHERE: &str = "99999999-9999-4999-8999-999999999999";
/// The largest image taken.
pub const LIMIT: u64 = 1 << 20;

/// A store that can be told to fail.
pub struct Fragile {
    inner: FileStore,
    broken: Mutex<Option<Error>>,
}

impl Fragile {
    pub fn break_with(&self, error: Option<Error>) {
        *self.broken.lock() = error;
    }
}

#[async_trait]
impl ImageStore for Fragile {
    fn id(&self) -> &str {
        self.inner.id()
    }
    async fn write(&self, data: ByteStream, limit: u64) -> Result<Written> {
        let broken = self.broken.lock().clone();
        match broken {
            Some(error) => Err(error),
            None => self.inner.write(data, limit).await,
        }
    }
    async fn read(&self, blob: &str, offset: u64, length: Option<u64>) -> Result<ByteStream> {
        self.inner.read(blob, offset, length).await
    }
    fn path(&self, blob: &str) -> Option<PathBuf> {
        self.inner.path(blob)
    }
    async fn remove(&self, blob: &str) -> Result<()> {
        self.inner.remove(blob).await
    }
    async fn list(&self) -> Result<Vec<String>> {
        self.inner.list().await
    }
    async fn free(&self) -> Result<u64> {
        self.inner.free().await
    }
}

pub struct Cloud {
    pub store: Store,
    pub service: ImageService,
    pub fast: Arc<Fragile>,
    pub api: Api,
    _dir: tempfile::TempDir,
}

impl Cloud {
    pub async fn new() -> Self {
        let store = Store::in_memory(image::schema(Schema::new())).await;
        let dir = tempfile::tempdir().unwrap();
        let inner = FileStore::open("fast", dir.path().join("fast")).unwrap();
        let fast = Arc::new(Fragile { inner, broken: Mutex::default() });
        let service = ImageService::new(ImageDeps {
            store: store.clone(),
            clock: SystemClock::shared(),
            stores: vec![fast.clone()],
            inspector: Arc::new(HeaderInspector),
            size_limit: LIMIT,
        });
        service.recover().await.expect("a new cloud is in order");
        let tokens = Tokens::default()
            .with("admin", member_of("admin", "ann", &["admin", "manager", "member", "reader"]))
            .with("member", member_of("p1", "mia", &["member", "reader"]))
            .with("reader", member_of("p1", "ray", &["reader"]))
            .with("other", member_of("p2", "oli", &["member", "reader"]))
            .with("third", member_of("p3", "tim", &["member", "reader"]));
        let policies = Policies::new(&[&image::policy::POLICY]).unwrap();
        let router = image::api::router().finish(image::api::spec(), service.clone(), deps(tokens, policies));
        let api = Api::new(router).with("accept", "application/json");
        Self { store, service, fast, api, _dir: dir }
    }

    pub fn image(&self, id: &str) -> Arc<Image> {
        self.store.snapshot().get(id).unwrap_or_else(|| panic!("no image {id}"))
    }

    /// Records and bytes agree, and these bytes are all there are.
    pub async fn assert_holds(&self, blobs: usize) {
        assert_eq!(image::audit(&self.service).await.unwrap(), [] as [String; 0]);
        assert_eq!(self.fast.list().await.unwrap().len(), blobs);
    }
}

/// The body of an answer that must have this status.
#[track_caller]
pub fn expect(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

/// Glance's fault, with words in its message.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, words: &str) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    assert!(text.contains(words), "{words:?} is not in {text:?}");
}

/// Asks for a record and returns its id.
pub async fn create(api: &Api, format: &str) -> String {
    let new = json!({"name": "i", "disk_format": format, "container_format": "bare"});
    expect(&api.call("POST /image/v2/images", new).await, 201)["id"].as_str().expect("an id").to_owned()
}

pub async fn upload(api: &Api, id: &str, data: impl Into<http::axum::body::Body>) -> Answer {
    api.with("content-type", "application/octet-stream").send(&format!("PUT /image/v2/images/{id}/file"), data).await
}

/// A raw image of this content, active.
pub async fn active(api: &Api, content: &str) -> String {
    let id = create(api, "raw").await;
    expect(&upload(api, &id, content.to_owned()).await, 204);
    id
}
