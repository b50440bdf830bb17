//! A member with two stores and a staging area in a directory of its own, and clients.

use crate::hosts::Hosts;
use async_trait::async_trait;
use drivers_blk::{image_store::FileStore, inspect::HeaderInspector};
use flow::{Engine, EngineBuilder, FlowRecord, Starter};
use http::testkit::{Answer, Api, Tokens, deps, member_of};
use image::{
    Image, ImageDeps, ImageService, ImportSettings, PropertyRules, UriRules,
    driver::{ByteStream, ImageStore, Written},
};
use kernel::{Error, ProjectId, Result, SystemClock};
use parking_lot::Mutex;
use policy::Policies;
use ports::Limits;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::{Schema, Snapshot, Store};

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
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }
    fn properties(&self) -> BTreeMap<String, String> {
        self.inner.properties()
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

/// Limits that a test sets.
#[derive(Default)]
pub struct Set(pub Mutex<BTreeMap<String, i64>>);

impl Limits for Set {
    fn limit(&self, _: &Snapshot, _: &ProjectId, service_type: &str, resource: &str) -> Option<i64> {
        assert_eq!(service_type, "image");
        self.0.lock().get(resource).copied()
    }
}

pub struct Cloud {
    pub store: Store,
    pub service: ImageService,
    pub fast: Arc<Fragile>,
    pub bulk: Arc<Fragile>,
    pub staging: Arc<Fragile>,
    pub limits: Arc<Set>,
    pub hosts: Arc<Hosts>,
    pub api: Api,
    dir: tempfile::TempDir,
}

impl Cloud {
    pub async fn new() -> Self {
        Self::with(|deps, _| deps).await
    }

    /// One that is configured otherwise; `change` is given a directory for it.
    pub async fn with(change: impl FnOnce(ImageDeps, &Path) -> ImageDeps) -> Self {
        let store = Store::in_memory(image::schema(Schema::new().with::<flow::FlowRecord>())).await;
        let dir = tempfile::tempdir().unwrap();
        let fragile = |id: &str| {
            let inner = FileStore::open(id, dir.path().join(id)).unwrap();
            Arc::new(Fragile { inner, broken: Mutex::default() })
        };
        let (fast, bulk, staging) = (fragile("fast"), fragile("bulk"), fragile("os_glance_staging_store"));
        let limits = Arc::new(Set::default());
        let hosts = Arc::new(Hosts::default());
        let stores = [fast.clone(), bulk.clone(), staging.clone()];
        let starter = Starter::new("h1".into());
        let deps = change(deps_of(&store, &stores, &limits, &hosts, &starter), dir.path());
        let service = ImageService::new(deps).unwrap();
        service.recover().await.expect("a new cloud is in order");
        let api = api(&service);
        Self { store, service, fast, bulk, staging, limits, hosts, api, dir }
    }

    /// Clients of a process that starts flows as this one.
    pub fn process(&self, starter: &Starter) -> Api {
        api(&ImageService::new(self.deps(starter)).unwrap())
    }

    /// What a process of this cloud is made with.
    pub fn deps(&self, starter: &Starter) -> ImageDeps {
        let stores = [self.fast.clone(), self.bulk.clone(), self.staging.clone()];
        deps_of(&self.store, &stores, &self.limits, &self.hosts, starter)
    }

    pub fn staging_dir(&self) -> PathBuf {
        self.dir.path().join("os_glance_staging_store")
    }

    /// Something that carries out flows, while it is held, and clients of it.
    pub async fn running(&self) -> (Api, Engine) {
        let starter = Starter::new("h1".into());
        let engine = image::flows(EngineBuilder::new(starter.clone()), &self.service);
        let engine = engine.run(self.store.clone(), SystemClock::shared());
        engine.ready().await;
        (self.process(&starter), engine)
    }

    /// Waits until the image's last import is over.
    pub async fn imported(&self, id: &str) -> Arc<Image> {
        let mut watch = self.store.watch();
        let over = async {
            loop {
                let snapshot = self.store.snapshot();
                if snapshot.get::<Image>(id).is_some_and(|i| i.import_task.is_none())
                    && snapshot.count::<FlowRecord>() == 0
                {
                    return self.image(id);
                }
                watch.next().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), over).await.expect("the import ends")
    }

    pub fn image(&self, id: &str) -> Arc<Image> {
        self.store.snapshot().get(id).unwrap_or_else(|| panic!("no image {id}"))
    }

    /// Records and bytes agree, and these bytes are all there are (in the first store).
    pub async fn assert_holds(&self, blobs: usize) {
        for sweeper in image::reconcilers(&self.service) {
            sweeper.reconcile().await.unwrap();
        }
        assert_eq!(image::audit(&self.service).await.unwrap(), [] as [String; 0]);
        assert_eq!(self.fast.list().await.unwrap().len(), blobs);
    }
}

fn deps_of(
    store: &Store,
    [fast, bulk, staging]: &[Arc<Fragile>; 3],
    limits: &Arc<Set>,
    hosts: &Arc<Hosts>,
    starter: &Starter,
) -> ImageDeps {
    let rules = UriRules { hosts: vec!["127.0.0.1".into()], ports: Vec::new(), ..UriRules::default() };
    ImageDeps {
        store: store.clone(),
        clock: SystemClock::shared(),
        stores: vec![fast.clone(), bulk.clone()],
        staging: staging.clone(),
        inspector: Arc::new(HeaderInspector),
        size_limit: LIMIT,
        starter: starter.clone(),
        limits: limits.clone(),
        hosts: hosts.clone(),
        require_format_match: true,
        properties: PropertyRules::default(),
        conversion: None,
        region: "RegionOne".into(),
        import: ImportSettings { rules, roots_pem: Vec::new() },
    }
}

pub fn api(service: &ImageService) -> Api {
    let tokens = Tokens::default()
        .with("admin", member_of("admin", "ann", &["admin", "manager", "member", "reader"]))
        .with("service", member_of("service", "sam", &["service", "member", "reader"]))
        .with("member", member_of("p1", "mia", &["member", "reader"]))
        .with("reader", member_of("p1", "ray", &["reader"]))
        .with("other", member_of("p2", "oli", &["member", "reader"]))
        .with("third", member_of("p3", "tim", &["member", "reader"]));
    let policies = Policies::new(&[&image::policy::POLICY]).unwrap();
    let router = image::api::router().finish(image::api::spec(), service.clone(), deps(tokens, policies));
    Api::new(router).with("accept", "application/json")
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
