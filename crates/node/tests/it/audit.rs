//! The audit names each kind of leak that is planted, and a host that nobody can ask.

use crate::fakes;
use agent::{Host, HostAudit, HostClaims, HostConfig, LocalLink};
use async_trait::async_trait;
use compute::driver::{Fence, ImageFetch, ImageSource, LocalDiskSpec};
use drivers_blk::conformance::volumes::{no_fetch, spec};
use drivers_net::conformance::objects;
use flow::{FlowRecord, Owner, Phase};
use futures_util::{StreamExt, stream};
use kernel::{FlowId, HostName, Result, ServerId, SnapshotId, SystemClock, Timestamp};
use network::driver::{MetadataHandler, MetadataRequest, MetadataResponse, MetadataSpec, PlugSpec};
use node::{Config, audit::audit, bootstrap, drivers, observer::Reports, services};
use parking_lot::Mutex;
use ports::HostCalls;
use std::{path::Path, sync::Arc, time::Duration};
use store::{Memory, Store};
use tokio::task::JoinHandle;
use volume::driver::VolumeSource;

/// What a real driver's audit would find: a process of a server that nobody claims.
#[derive(Default)]
struct Processes(Mutex<Option<ServerId>>);

#[async_trait]
impl HostAudit for Processes {
    async fn audit(&self, claims: &HostClaims) -> Result<Vec<String>> {
        let running = self.0.lock().clone().filter(|server| !claims.servers.contains(server));
        Ok(running.map(|server| format!("process 1: the QEMU of server {server}")).into_iter().collect())
    }
}

struct NoFetch;

#[async_trait]
impl ImageFetch for NoFetch {
    async fn fetch(&self, _: &ImageSource, _: &Path) -> Result<()> {
        panic!("a blank disk needs no image")
    }
}

struct Silent;

#[async_trait]
impl MetadataHandler for Silent {
    async fn answer(&self, _: MetadataRequest) -> MetadataResponse {
        MetadataResponse { status: 404, content_type: "text/plain", body: vec![] }
    }
}

struct Cloud {
    services: services::Services,
    region: drivers::RegionDrivers,
    host: drivers::HostSide,
    processes: Arc<Processes>,
    agent: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
    _engine: flow::Engine,
}

const HOST: &str = "h1";

impl Cloud {
    async fn new(config: &Config) -> Self {
        let clock = SystemClock::shared();
        let store = Store::open(Memory::new(), services::schema()).await.unwrap();
        let region = drivers::region(config, &clock).await.unwrap();
        let services = services::Services::new(config, store, clock.clone(), &region).unwrap();
        services.gateway.wire(
            Arc::new(Reports(services.clone())),
            Arc::new(services.image.clone()),
            Arc::new(services.volume.clone()),
        );
        bootstrap::bootstrap(config, &services).await.unwrap();
        let spawn = |r| flow::spawn_reconciler(&services.store, r);
        let tasks = services.reconcilers().into_iter().map(spawn).collect();
        let mut host = drivers::host(config, Some(&region)).await.unwrap();
        let processes = Arc::new(Processes::default());
        host.drivers.audits.push(processes.clone());
        let about = HostConfig {
            name: config.node_name(),
            state_dir: config.data_dir.join("agent"),
            availability_zone: "nova".into(),
            labels: [].into(),
            address: "127.0.0.1".into(),
        };
        let link = Arc::new(LocalLink(services.gateway.clone()));
        let agent = tokio::spawn(Host::open(about, host.drivers.clone(), link, clock).unwrap().run());
        let _engine = services.engine();
        Self { services, region, host, processes, agent, tasks, _engine }
    }

    /// Waits until the audit says exactly that these are there, one finding each.
    async fn says(&self, what: &str, parts: &[String]) {
        let mut found = Vec::new();
        for _ in 0..30 {
            found = audit(&self.services).await.unwrap();
            if found.len() == parts.len() && parts.iter().all(|part| found.iter().any(|f| f.contains(part.as_str()))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{what}: wanted {parts:#?}, found {found:#?}");
    }

    async fn plant(&self) -> Vec<String> {
        let (drivers, fence) = (&self.host.drivers, Fence { generation: 1 });
        let mut parts = Vec::new();
        let mut planted = |what: &str, id: &str| parts.push(format!("{what} {id}"));

        let guest = drivers_virt::conformance::plain_spec();
        drivers.hypervisor.start(&guest, fence).await.unwrap();
        planted("nobody claims the guest", &guest.server);

        let server = ServerId::new();
        let disk = LocalDiskSpec { server: server.clone(), name: "root".into(), size_bytes: 1 << 20, base: None };
        drivers.disks.create(&disk, Arc::new(NoFetch)).await.unwrap();
        planted("nobody claims the disks of server", &server);

        let net = objects::network();
        let port = objects::port(&objects::subnet(&net, "10.9.0.0/24"), 5, &[]);
        let (tap, mac) = ("tap-leak".to_owned(), port.mac.clone());
        let plug = PlugSpec {
            port: port.id.clone(),
            network: net.id.clone(),
            tap,
            mac: mac.clone(),
            mtu: 1442,
            multi_queue: false,
        };
        drivers.network.plug(&plug).await.unwrap();
        planted("nobody claims the tap of port", &port.id);
        let served = MetadataSpec { network: net.id.clone(), port: port.id.clone(), mac, addresses: vec![], mtu: 1442 };
        drivers.network.serve_metadata(&[served], Arc::new(Silent)).await.unwrap();
        planted("nobody claims the metadata service of network", &net.id);
        self.region.network.apply(&[objects::put(net.clone())]).await.unwrap();
        planted("which nothing asks for", "");
        parts.pop();
        parts.push(format!("{}, which nothing asks for", net.id));

        let (pool, fence) = (&drivers.pools["fake"], volume::driver::Fence { generation: 1 });
        let (new, snapshot) = (spec(1, VolumeSource::Blank), SnapshotId::new());
        pool.create(&new, fence, no_fetch()).await.unwrap();
        pool.create_snapshot(&new.id, &snapshot, fence).await.unwrap();
        pool.export(&new.id, HOST, false, fence).await.unwrap();
        parts.push(format!("nobody claims the volume {}", new.id));
        parts.push(format!("nobody claims the snapshot {snapshot}"));
        parts.push(format!("nobody claims the export of volume {}", new.id));

        let bytes = stream::iter([Ok("bytes".into())]).boxed();
        let blob = self.region.image_stores[0].write(bytes, 100).await.unwrap().blob;
        parts.push(format!("nobody claims the bytes {blob}"));

        let stray = ServerId::new();
        *self.processes.0.lock() = Some(stray.clone());
        parts.push(format!("host {HOST}: process 1: the QEMU of server {stray}"));

        parts.push(format!("flow {} (test.flow of x/y) needs an operator: it is stuck", self.stuck_flow().await));
        parts
    }

    async fn stuck_flow(&self) -> FlowId {
        let record = FlowRecord {
            id: FlowId::new(),
            kind: "test.flow".into(),
            version: 1,
            object: "x/y".into(),
            owner: Owner { node: HOST.into(), incarnation: "gone".into(), epoch: 1 },
            phase: Phase::NeedsOperator,
            step: "one".into(),
            state: serde_json::Value::Null,
            error: Some("it is stuck".into()),
            cancelled: false,
            request_id: Default::default(),
            started: Timestamp::default(),
            updated: Timestamp::default(),
        };
        let id = record.id.clone();
        let put = move |tx: &mut store::Tx| {
            tx.put(record.clone());
            Ok(())
        };
        self.services.store.transact("test", put).await.unwrap();
        id
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_leak_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = fakes::config(dir.path());
    config.set("node.name", HOST).unwrap();
    // What is planted in the back end is not to be mended before it was seen.
    config.set("network.resync_seconds", "3600").unwrap();
    let cloud = Cloud::new(&config).await;
    let host: HostName = HOST.into();
    while !cloud.services.gateway.is_connected(&host) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    cloud.says("a cloud that has just started is clean", &[]).await;
    let parts = cloud.plant().await;
    assert_eq!(parts.len(), 11);
    cloud.says("every leak, and nothing else", &parts).await;

    cloud.agent.abort();
    while cloud.services.gateway.is_connected(&host) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let found = audit(&cloud.services).await.unwrap();
    assert!(found.iter().any(|f| f.starts_with("host h1: it is not connected")), "{found:#?}");
    cloud.tasks.iter().for_each(JoinHandle::abort);
}
