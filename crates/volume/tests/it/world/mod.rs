//! The surroundings of the volume service: hosts with pools, images, and clients.

pub mod image;
pub mod pool;

use flow::{Engine, EngineBuilder, FlowRecord, Starter};
use http::testkit::{Answer, Api, Tokens, deps, member_of};
use image::FakeImages;
use kernel::{Error, Result, ServerId, SystemClock, Timestamp};
use policy::Policies;
use pool::Pools;
use ports::quota::{QuotaLimits, QuotaUsage};
use ports::testkit::{FakeKeys, Key};
use ports::{RunningGuest, ServerInfo, Servers, VolumeGrown, VolumeMoved};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use store::{Schema, Snapshot as View, Store, Tx};
use volume::{PoolReport, Snapshot, Volume, VolumeDeps, VolumeService, driver::PoolStats};

/// An image of 1 GiB.
pub const IMAGE: &str = "11111111-1111-4111-8111-111111111111";
pub const SERVER: &str = "33333333-3333-4333-8333-333333333333";
pub const NOWHERE: &str = "99999999-9999-4999-8999-999999999999";
/// Projects have ids of the length that paths are told by.
pub const P1: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub const P2: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// Attachments here name servers that only their host knows.
struct HostsServers(Arc<Pools>);

impl Servers for HostsServers {
    fn running(&self, _: &View, _: &ServerId) -> Result<RunningGuest> {
        match self.0.guest().generation {
            0 => Err(Error::conflict("it does not run")),
            generation => Ok(RunningGuest { host: "h1".into(), generation }),
        }
    }

    /// What is written in compute's records is another's test.
    fn volume_moved(&self, _: &mut Tx, guest: &RunningGuest, moved: &VolumeMoved, _: Timestamp) -> Result<u64> {
        let now = self.0.guest();
        if now.generation != guest.generation {
            return Err(Error::unavailable("it has changed"));
        }
        self.0.set_guest(pool::Guest { limits: moved.limits, ..now });
        Ok(guest.generation)
    }

    fn server(&self, _: &View, _: &ServerId) -> Option<ServerInfo> {
        None
    }
    fn volume_grown(&self, _: &mut Tx, _: &VolumeGrown, _: Timestamp) -> Result<()> {
        Ok(())
    }
}

/// One cloud. The pools outlive engines.
#[derive(Clone)]
pub struct Cloud {
    pub store: Store,
    pub pools: Arc<Pools>,
    pub images: Arc<FakeImages>,
}

impl Cloud {
    pub async fn new() -> Self {
        let schema = volume::schema(Schema::new()).with::<FlowRecord>().with::<QuotaUsage>().with::<QuotaLimits>();
        let store = Store::in_memory(schema.with::<image::Image>().with::<Key>()).await;
        let cloud = Self { pools: Arc::default(), images: Arc::new(FakeImages::new(store.clone())), store };
        cloud.images.put(IMAGE).await;
        let service = cloud.service(&Starter::new("setup".into()));
        service.bootstrap([].into()).await.unwrap();
        service.report_pools(vec![report("h1", "fake")]).await.unwrap();
        cloud
    }

    /// A second back end of the same host.
    pub async fn add_back_end(&self, name: &str) {
        let service = self.service(&Starter::new("setup".into()));
        service.report_pools(vec![report("h1", name)]).await.unwrap();
    }

    /// A second host, with a back end like the first one's.
    pub async fn add_host(&self) {
        let service = self.service(&Starter::new("setup".into()));
        service.report_pools(vec![report("h2", "fake")]).await.unwrap();
    }

    /// The service, starting flows in the name of `starter`.
    pub fn service(&self, starter: &Starter) -> VolumeService {
        VolumeService::new(VolumeDeps {
            store: self.store.clone(),
            clock: SystemClock::shared(),
            starter: starter.clone(),
            hosts: self.pools.clone(),
            images: self.images.clone(),
            servers: Arc::new(HostsServers(self.pools.clone())),
            keys: Arc::new(FakeKeys),
        })
    }

    /// A running process: its engine ends when dropped.
    pub fn process(&self) -> (Api, Engine) {
        let starter = Starter::new("process".into());
        let engine = volume::flows(EngineBuilder::new(starter.clone()), &self.service(&starter));
        (self.api(&starter), engine.run(self.store.clone(), SystemClock::shared()))
    }

    /// Clients of a process that carries out no flows.
    pub fn api(&self, starter: &Starter) -> Api {
        let tokens = Tokens::default()
            .with("admin", member_of("admin", "ann", &["admin", "manager", "member", "reader"]))
            .with("member", member_of(P1, "mia", &["member", "reader"]))
            .with("reader", member_of(P1, "ray", &["reader"]))
            .with("other", member_of(P2, "oli", &["member", "reader"]));
        let policies = Policies::new(&[&volume::policy::POLICY]).unwrap();
        let api = Api::new(volume::api::finish(self.service(starter), deps(tokens, policies)));
        api.with("openstack-api-version", "volume 3.71")
    }

    /// Waits until something is so. Ends the test after a minute, saying what was waited for.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut(&View) -> Option<T>) -> T {
        let mut watch = self.store.watch();
        let waiting = async {
            loop {
                if let Some(found) = look(&self.store.snapshot()) {
                    return found;
                }
                watch.next().await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        found.unwrap_or_else(|_| panic!("waited in vain for {what}; volumes: {:#?}", self.volumes()))
    }

    pub fn volumes(&self) -> Vec<Arc<Volume>> {
        self.store.snapshot().all().collect()
    }

    pub fn volume(&self, id: &str) -> Arc<Volume> {
        self.store.snapshot().get(id).unwrap_or_else(|| panic!("no volume {id}"))
    }

    /// Waits until a volume is in a status and nothing is under way.
    pub async fn reach(&self, id: &str, status: &str) -> Arc<Volume> {
        let settled = |view: &View| {
            let volume = view.get::<Volume>(id)?;
            (volume.status.as_str() == status && flows(view) == 0).then_some(volume)
        };
        self.until(&format!("{id} to be {status}"), settled).await
    }

    pub async fn gone(&self, id: &str) {
        let gone = |view: &View| (!view.contains::<Volume>(id) && flows(view) == 0).then_some(());
        self.until(&format!("{id} to be gone"), gone).await;
    }

    pub async fn reach_snapshot(&self, id: &str, status: &str) -> Arc<Snapshot> {
        let settled =
            |view: &View| view.get::<Snapshot>(id).filter(|s| s.status.as_str() == status && flows(view) == 0);
        self.until(&format!("snapshot {id} to be {status}"), settled).await
    }

    /// A volume that is there.
    pub async fn with_volume(size: u64) -> (Self, String) {
        let cloud = Self::new().await;
        let (api, _engine) = cloud.process();
        let id = create(&api.token("member"), json!({"size": size})).await;
        cloud.reach(&id, "available").await;
        (cloud, id)
    }

    /// Nothing half done, nothing left over: the service's own audit, and pools that hold what the records say.
    #[track_caller]
    pub fn assert_clean(&self, when: &str) {
        let view = self.store.snapshot();
        assert_eq!(volume::audit(&view), [] as [String; 0], "{when}");
        for (key, held) in self.pools.held() {
            let (place, id) = key.rsplit_once('/').unwrap_or(("fake", &key));
            let (host, backend) = place.split_once('/').unwrap_or(("h1", place));
            let Some(record) = view.get::<Volume>(id) else { panic!("{when}: the pool holds {id} for nobody") };
            let known = (record.host.as_ref().map(|h| h.as_str()), record.backend.as_deref());
            assert_eq!(known, (Some(host), Some(backend)), "{when}: a pool holds {id}, which its record does not know");
            assert!(held.size_gib >= record.size_gib, "{when}: {id} is smaller than its record says");
            for snapshot in &held.snapshots {
                assert!(view.contains::<Snapshot>(snapshot), "{when}: the pool holds snapshot {snapshot} for nobody");
            }
            let exported = view.count_by(volume::Attachment::BY_VOLUME, id) > 0;
            assert!(exported || !held.exported, "{when}: {id} is exported for nobody");
        }
        for id in self.pools.kept() {
            assert!(view.contains::<volume::Backup>(&id), "{when}: backup {id} is kept for nobody");
        }
        for record in view.all::<volume::Backup>().filter(|b| b.status.as_str() == "available") {
            assert!(self.pools.kept().contains(&record.id), "{when}: backup {} is nowhere", record.id);
        }
        let held = self.pools.held();
        for record in view.all::<Volume>().filter(|v| v.status.as_str() == "available") {
            let host = record.host.as_ref().map_or("h1", |h| h.as_str());
            let key = pool::key(host, record.backend.as_deref().unwrap_or("fake"), &record.id);
            assert!(held.contains_key(&key), "{when}: {} is not on the pool", record.id);
        }
    }
}

pub fn flows(view: &View) -> usize {
    view.count::<FlowRecord>()
}

fn report(host: &str, backend: &str) -> PoolReport {
    let stats = PoolStats {
        pool: "paper".into(),
        total_mib: 100 << 10,
        free_mib: 100 << 10,
        provisioned_gib: 0,
        volumes: 0,
        storage_protocol: "fake".into(),
        vendor_name: "Open Source".into(),
        driver_version: "1".into(),
        thin: false,
        compression_percent: None,
    };
    PoolReport { host: host.into(), backend: backend.into(), availability_zone: "nova".into(), stats }
}

/// The body of an answer that must have this status.
#[track_caller]
pub fn expect(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

/// Cinder's fault of a name, with words in its message.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, fault: &str, words: &str) {
    let body = expect(answer, status);
    assert_eq!(body[fault]["code"], status, "{body}");
    let message = body[fault]["message"].as_str().unwrap_or_default();
    assert!(message.contains(words), "{words:?} is not in {message:?}");
}

/// Asks for a volume and returns its id.
pub async fn create(api: &Api, volume: Value) -> String {
    let made = expect(&api.call("POST /volume/v3/volumes", json!({"volume": volume})).await, 202);
    made["volume"]["id"].as_str().expect("an id").to_owned()
}

pub async fn snapshot(api: &Api, volume: &str) -> String {
    let body = json!({"snapshot": {"volume_id": volume, "name": "s"}});
    let made = expect(&api.call("POST /volume/v3/snapshots", body).await, 202);
    made["snapshot"]["id"].as_str().expect("an id").to_owned()
}

/// Asks for a backup and waits until it is made.
pub async fn backup(cloud: &Cloud, api: &Api, more: Value) -> String {
    let made = expect(&api.call("POST /volume/v3/backups", json!({"backup": more})).await, 202);
    let id = made["backup"]["id"].as_str().expect("an id").to_owned();
    let there = |view: &View| {
        let found = view.get::<volume::Backup>(&id)?;
        (found.status.as_str() == "available" && flows(view) == 0).then_some(())
    };
    cloud.until("the backup to be made", there).await;
    id
}
