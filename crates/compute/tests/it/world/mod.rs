//! The surroundings of compute: other services with their objects in the same store, and hosts that carry out intents.

pub mod host;
pub mod image;
pub mod neighbours;
pub mod network;
pub mod placement;
pub mod volume;

use compute::{
    Compute, Config, Deps, HostReport,
    driver::{HostCapabilities, Processors},
    model::{Migration, Server, migration::claimed_at, vm::VmIntent},
};
use flow::{Engine, EngineBuilder, FlowRecord, Starter};
use host::Hosts;
use http::testkit::{Answer, Api, Tokens, deps, member_of};
use image::FakeImages;
use kernel::SystemClock;
use network::FakePorts;
use placement::FakePlacer;
use policy::Policies;
use ports::{
    ProjectInfo, Projects,
    testkit::{FakeKeys, Key},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use store::{Schema, Snapshot, Store};
use volume::FakeVolumes;

/// An image that is there, and a network.
pub const IMAGE: &str = "11111111-1111-4111-8111-111111111111";
pub const NETWORK: &str = "22222222-2222-4222-8222-222222222222";

pub struct FakeProjects;

impl Projects for FakeProjects {
    fn project(&self, _: &Snapshot, id: &str) -> Option<ProjectInfo> {
        let known = ["p1", "p2", "admin"].contains(&id);
        known.then(|| ProjectInfo { id: id.into(), name: id.into(), domain: "default".into(), enabled: true })
    }
}

/// One cloud. What is outside the store (guests, exports) is shared by all clones, and outlives engines.
#[derive(Clone)]
pub struct Cloud {
    pub store: Store,
    pub hosts: Arc<Hosts>,
    pub volumes: Arc<FakeVolumes>,
    pub images: Arc<FakeImages>,
    pub ports: Arc<FakePorts>,
    pub neighbours: Arc<neighbours::FakeNeighbours>,
    pub config: Config,
    _agents: Arc<host::Agents>,
}

impl Cloud {
    pub async fn with_hosts(names: &[&str]) -> Self {
        let schema = compute::schema(Schema::new()).with::<FlowRecord>();
        let schema = schema.with::<placement::Claimed>().with::<network::Port>();
        let schema = schema.with::<Key>();
        let schema = schema.with::<volume::Volume>().with::<volume::Attachment>().with::<image::Image>();
        let store = Store::in_memory(schema).await;
        let hosts = Arc::new(Hosts::new(names));
        let cloud = Self {
            volumes: Arc::new(FakeVolumes::new(store.clone())),
            images: Arc::new(FakeImages::new(store.clone())),
            ports: Arc::new(FakePorts::default()),
            neighbours: Arc::default(),
            config: Config::default(),
            _agents: Arc::new(host::Agents::start(&store, &hosts)),
            hosts,
            store,
        };
        cloud.images.put(IMAGE).await;
        let compute = cloud.compute(&Starter::new("setup".into()));
        for name in names {
            compute.host_report(report(name)).await.unwrap();
        }
        compute.bootstrap_flavors().await.unwrap();
        cloud
    }

    pub async fn new() -> Self {
        Self::with_hosts(&["h1", "h2"]).await
    }

    /// The service, starting flows in the name of `starter`.
    pub fn compute(&self, starter: &Starter) -> Compute {
        let compute = Compute::new(Deps {
            store: self.store.clone(),
            starter: starter.clone(),
            clock: SystemClock::shared(),
            placer: Arc::new(FakePlacer),
            ports: self.ports.clone(),
            volumes: self.volumes.clone(),
            images: self.images.clone(),
            hosts: self.hosts.clone(),
            projects: Arc::new(FakeProjects),
            keys: Arc::new(FakeKeys),
            neighbours: self.neighbours.clone(),
            config: self.config.clone(),
        });
        self.hosts.report_to(&compute);
        compute
    }

    /// A running process: its engine ends when dropped.
    pub fn process(&self) -> (Api, Engine) {
        let starter = Starter::new("process".into());
        let compute = self.compute(&starter);
        let engine = compute.flows(EngineBuilder::new(starter)).run(self.store.clone(), SystemClock::shared());
        (self.api_of(compute), engine)
    }

    pub fn api(&self, starter: &Starter) -> Api {
        self.api_of(self.compute(starter))
    }

    fn api_of(&self, compute: Compute) -> Api {
        let tokens = Tokens::default()
            .with("admin", member_of("admin", "ann", &["admin", "manager", "member", "reader"]))
            .with("manager", member_of("p1", "max", &["manager", "member", "reader"]))
            .with("member", member_of("p1", "mia", &["member", "reader"]))
            .with("reader", member_of("p1", "ray", &["reader"]))
            .with("other", member_of("p2", "oli", &["member", "reader"]))
            .with("service", member_of("admin", "svc", &["service"]))
            .with("mover", member_of("p1", "cin", &["service"]));
        let policies = Policies::new(&[&compute::policy::POLICY]).unwrap();
        Api::new(compute::api::router(compute, deps(tokens, policies)))
    }

    /// Waits until something is so. Ends the test after a minute, saying what was waited for.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut(&Snapshot) -> Option<T>) -> T {
        let mut watch = self.store.watch();
        let waiting = async {
            loop {
                if let Some(found) = look(&self.store.snapshot()) {
                    return found;
                }
                tokio::select! {
                    _ = watch.next() => {}
                    // What is outside the store changes without telling.
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        found.unwrap_or_else(|_| panic!("waited in vain for {what}; servers: {:#?}", self.servers()))
    }

    pub fn servers(&self) -> Vec<Arc<Server>> {
        self.store.snapshot().all().collect()
    }

    pub fn server(&self, id: &str) -> Arc<Server> {
        self.store.snapshot().get(id).unwrap_or_else(|| panic!("no server {id}"))
    }

    /// Waits until a server is in a status and nothing is under way.
    pub async fn reach(&self, id: &str, status: &str) -> Arc<Server> {
        let settled = |s: &Snapshot| {
            let server = s.get::<Server>(id)?;
            (server.status() == status && server.task.is_none() && flows_of(s, id) == 0).then_some(server)
        };
        self.until(&format!("{id} to be {status}"), settled).await
    }

    pub async fn gone(&self, id: &str) {
        let gone = |s: &Snapshot| (!s.contains::<Server>(id) && flows_of(s, id) == 0).then_some(());
        self.until(&format!("{id} to be gone"), gone).await;
    }

    /// Nothing half done, nothing left over: compute's own audit, and what the fakes hold.
    pub fn assert_clean(&self, when: &str) {
        let snapshot = self.store.snapshot();
        let compute = self.compute(&Starter::new("audit".into()));
        assert_eq!(compute.audit(&snapshot), [], "{when}");
        for claim in snapshot.all::<placement::Claimed>() {
            let of_server = snapshot.get::<Server>(&claim.consumer).and_then(|s| claimed_at(&snapshot, &s));
            let of_move = snapshot.get::<Migration>(&claim.consumer).map(|m| m.source.clone());
            assert_eq!(
                of_server.or(of_move).as_ref(),
                Some(&claim.host),
                "{when}: a claim of {} nobody uses",
                claim.consumer
            );
        }
        let tpms = self.servers().into_iter().filter_map(|s| s.tpm.clone());
        let (secrets, keys): (BTreeSet<_>, BTreeSet<_>) =
            (tpms.map(|tpm| tpm.secret).collect(), snapshot.all::<Key>().map(|key| key.id.clone()).collect());
        assert_eq!(keys, secrets, "{when}: passphrases are of TPMs, and TPMs have one");
        for port in snapshot.all::<network::Port>().filter(|p| p.server.is_some()) {
            let owner = port.server.as_ref().and_then(|id| snapshot.get::<Server>(id));
            let has = owner.is_some_and(|s| s.nics.iter().any(|n| n.plan.port == port.id));
            assert!(has, "{when}: {port:?} belongs to nobody");
            assert!(port.awaited.is_none(), "{when}: {port:?} is awaited elsewhere");
        }
        for attachment in snapshot.all::<volume::Attachment>() {
            let owner = snapshot.get::<Server>(&attachment.server);
            let is = |d: &compute::model::BlockDevice| d.volume().is_some_and(|v| v.attachment == attachment.id);
            assert!(owner.is_some_and(|s| s.devices.iter().any(is)), "{when}: {attachment:?} belongs to nobody");
        }
        for (attachment, host) in self.volumes.exports() {
            let known = snapshot.get::<volume::Attachment>(&attachment).is_some();
            assert!(known, "{when}: {attachment} is exported to {host} for nobody");
        }
        assert_eq!(self.hosts.twice(), Vec::<String>::new(), "{when}: guests ran twice");
        for (server, host, names) in self.hosts.disks().into_iter().filter(|(.., names)| !names.is_empty()) {
            let intent = snapshot.by(VmIntent::BY_HOST, &host).find(|i| i.server == server);
            let intent = intent.unwrap_or_else(|| panic!("{when}: {names:?} of {server} are left on {host}"));
            let known =
                |name: &String| intent.kept_disks.contains(name) || intent.local_disks.iter().any(|d| d.name == *name);
            assert!(
                names.iter().all(known),
                "{when}: {names:?} of {server} are on {host}, which is to have {intent:#?}"
            );
        }
        for (server, guest) in self.hosts.guests() {
            let owner = snapshot.get::<Server>(&server);
            assert!(owner.is_some_and(|s| s.host.as_ref() == Some(&guest.host)), "{when}: a guest of {server} is left");
        }
    }
}

pub fn flows_of(snapshot: &Snapshot, id: &str) -> usize {
    snapshot.count_by(FlowRecord::BY_OBJECT, &Server::flow_object(&id.into()))
}

fn report(name: &str) -> HostReport {
    HostReport {
        host: name.into(),
        address: "10.0.0.1".into(),
        availability_zone: String::new(),
        labels: [].into(),
        capabilities: HostCapabilities {
            hypervisor_type: "fake".into(),
            hypervisor_version: 1,
            acceleration: "fake".into(),
            vcpus: 8,
            memory_mib: 16_384,
            disk_gib: 100,
            cpu_model: "none".into(),
            arch: "x86_64".into(),
            processors: Processors { cores: 8, sockets: 1, threads: 1, ..Processors::default() },
            cells: Vec::new(),
            guest_cpu: "fake".into(),
            traits: [].into(),
            machines: [
                ("pc", "pc-i440fx-7.2"),
                ("pc-i440fx-7.2", "pc-i440fx-7.2"),
                ("q35", "pc-q35-7.2"),
                ("pc-q35-7.2", "pc-q35-7.2"),
            ]
            .map(|(word, machine)| (word.into(), machine.into()))
            .into(),
        },
    }
}

/// The smallest server.
pub fn new_server() -> Value {
    json!({"server": {"name": "one", "imageRef": IMAGE, "flavorRef": "42", "networks": [{"uuid": NETWORK}]}})
}

/// The body of an answer that must have this status.
#[track_caller]
pub fn expect(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

pub fn id_of(created: &Value) -> String {
    created["server"]["id"].as_str().expect("an id").to_owned()
}
