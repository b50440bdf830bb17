//! The host's side: keeps a stream to a member open and hands what comes to the VM tasks and calls.

use crate::{
    Hello, MemberLink, Pool,
    calls::Calls,
    convert,
    done::{DoneFiles, next_incarnation},
    metadata::Metadata,
    protocol::{Down, Reply},
    report::Reporter,
    traffic::Ledger,
    vm::{VmMessage, VmTask},
};
use async_trait::async_trait;
use compute::{
    driver::{Hypervisor, ImageFetch, ImageSource, LocalDisks},
    model::vm::VmIntent,
};
use futures_util::StreamExt;
use kernel::{Clock, Error, HostName, NetworkId, PortId, Result, ServerId};
use network::driver::{HostNetwork, MetadataSpec};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{broadcast, mpsc};
use tokio_util::task::AbortOnDropHandle;
use volume::{driver::VolumeBackend, encryptor::Encryptor};

/// A stream that has been silent this long is dead.
const SILENCE: Duration = Duration::from_secs(10);
/// Between looks for images that nobody uses.
const PRUNING: Duration = Duration::from_secs(3600);
/// How often a host says how busy it is.
const MEASURING: Duration = Duration::from_secs(10);
const RECONNECT: Duration = Duration::from_millis(500);
/// So that a bug met at every try does not keep a core busy.
const AFTER_PANIC: Duration = Duration::from_millis(200);

/// What a member says a host should have: all else of that kind is a leak.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostClaims {
    pub servers: BTreeSet<ServerId>,
    pub ports: BTreeSet<PortId>,
    /// Networks with a metadata service here.
    pub networks: BTreeSet<NetworkId>,
}

/// Looks behind the drivers' backs at what is really on the host: processes, sockets, devices, namespaces.
#[async_trait]
pub trait HostAudit: Send + Sync + 'static {
    /// Sentences about what is not as it must be; each names the thing.
    async fn audit(&self, claims: &HostClaims) -> Result<Vec<String>>;
}

/// What a host works with.
#[derive(Clone)]
pub struct HostDrivers {
    pub hypervisor: Arc<dyn Hypervisor>,
    pub disks: Arc<dyn LocalDisks>,
    pub network: Arc<dyn HostNetwork>,
    /// Volume pools of this host by back end name.
    pub pools: BTreeMap<String, Arc<dyn VolumeBackend>>,
    /// For encrypted volumes of any of them.
    pub encryptor: Arc<dyn Encryptor>,
    pub audits: Vec<Arc<dyn HostAudit>>,
}

#[derive(Clone, Debug)]
pub struct HostConfig {
    pub name: HostName,
    pub state_dir: PathBuf,
    pub availability_zone: String,
    /// `rack`, `room`, …: where it stands.
    pub labels: BTreeMap<String, String>,
    /// Where other hosts reach this one.
    pub address: String,
}

/// What the tasks of one host share.
pub(crate) struct Shared {
    pub(crate) host: HostName,
    pub(crate) availability_zone: String,
    pub(crate) drivers: HostDrivers,
    pub(crate) link: Arc<dyn MemberLink>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) reporter: Reporter,
    pub(crate) ledger: Ledger,
    incarnation: u64,
    sequence: AtomicU64,
    /// The newest intent per server.
    intents: Mutex<HashMap<ServerId, Arc<VmIntent>>>,
    /// One caller at a time changes what metadata is served. `None`: what a former agent left is not known.
    metadata: tokio::sync::Mutex<Option<Vec<MetadataSpec>>>,
    me: std::sync::Weak<Shared>,
}

impl Shared {
    pub(crate) fn next_sequence(&self) -> u64 {
        (self.incarnation << 32) | (self.sequence.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff)
    }

    /// The pools that can be measured now. A storage cluster that is away must not keep the host away.
    pub(crate) async fn pools(&self) -> Vec<Pool> {
        let mut pools = Vec::new();
        for (name, pool) in &self.drivers.pools {
            match pool.stats().await {
                Ok(stats) => pools.push(Pool { backend: name.clone(), stats }),
                Err(e) => tracing::warn!(backend = name, error = %e.internal_text(), "a pool cannot be measured"),
            }
        }
        pools
    }

    pub(crate) fn remember(&self, intent: &VmIntent) {
        let mut intents = self.intents.lock();
        if intents.get(&intent.server).is_none_or(|known| known.generation <= intent.generation) {
            intents.insert(intent.server.clone(), Arc::new(intent.clone()));
        }
    }

    pub(crate) fn forget(&self, server: &ServerId) {
        self.intents.lock().remove(server);
    }

    pub(crate) fn intent_of(&self, matches: impl Fn(&VmIntent) -> bool) -> Option<Arc<VmIntent>> {
        self.intents.lock().values().find(|i| matches(i)).cloned()
    }

    pub(crate) async fn unplug(&self, port: &PortId) -> Result<()> {
        self.ledger.unplug(&*self.drivers.network, port).await
    }

    pub(crate) fn image_fetch(&self) -> Arc<dyn ImageFetch> {
        Arc::new(Fetch(Arc::clone(&self.link)))
    }

    /// Serves metadata on the networks that guests of this host are on.
    pub(crate) async fn serve_metadata(&self) -> Result<()> {
        self.serve_wanted(&mut *self.metadata.lock().await).await
    }

    /// Makes what is served what is wanted, unless somebody is at it. Guests that this agent took over are served so, and
    /// what failed is tried again.
    async fn keep_metadata(&self) {
        let Ok(mut served) = self.metadata.try_lock() else { return };
        if let Err(e) = self.serve_wanted(&mut served).await {
            tracing::warn!(host = %self.host, error = %e.internal_text(), "metadata cannot be served");
        }
    }

    async fn serve_wanted(&self, served: &mut Option<Vec<MetadataSpec>>) -> Result<()> {
        let mut wanted: BTreeMap<_, MetadataSpec> = BTreeMap::new();
        for intent in self.intents.lock().values().filter(|i| i.power.is_guest()) {
            for spec in intent.ports.iter().filter_map(|p| convert::metadata_of_port(&p.bound)) {
                wanted.insert(spec.network.clone(), spec);
            }
        }
        let wanted: Vec<_> = wanted.into_values().collect();
        if served.as_ref() != Some(&wanted) {
            self.drivers.network.serve_metadata(&wanted, Arc::new(Metadata(self.me.clone()))).await?;
            *served = Some(wanted);
        }
        Ok(())
    }
}

/// Images come from the member.
struct Fetch(Arc<dyn MemberLink>);

#[async_trait]
impl ImageFetch for Fetch {
    async fn fetch(&self, image: &ImageSource, to: &std::path::Path) -> Result<()> {
        self.0.fetch_image(&image.image, to).await
    }
}

#[async_trait]
impl volume::driver::ImageFetch for Fetch {
    async fn fetch(&self, image: &volume::driver::ImageBytes, to: &std::path::Path) -> Result<()> {
        self.0.fetch_image(&image.image, to).await
    }
}

/// The agent of one host. Dropping it ends its tasks and touches no guest.
pub struct Host {
    shared: Arc<Shared>,
    config: HostConfig,
    done: DoneFiles,
    calls: Arc<Calls>,
    vms: HashMap<ServerId, mpsc::UnboundedSender<VmMessage>>,
}

impl Host {
    pub fn open(
        config: HostConfig,
        drivers: HostDrivers,
        link: Arc<dyn MemberLink>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        use kernel::error::Doing;
        std::fs::create_dir_all(&config.state_dir).doing("making the agent's state directory")?;
        let incarnation = next_incarnation(&config.state_dir)?;
        let done = DoneFiles::open(&config.state_dir)?;
        let reporter = Reporter::start(config.name.clone(), Arc::clone(&link));
        let shared = Arc::new_cyclic(|me| Shared {
            host: config.name.clone(),
            availability_zone: config.availability_zone.clone(),
            drivers,
            link: Arc::clone(&link),
            clock,
            reporter,
            ledger: Ledger::open(&config.state_dir),
            incarnation,
            sequence: AtomicU64::new(1),
            intents: Mutex::default(),
            metadata: tokio::sync::Mutex::default(),
            me: me.clone(),
        });
        let fetch: Arc<dyn volume::driver::ImageFetch> = Arc::new(Fetch(link));
        let calls = Arc::new(Calls::new(Arc::clone(&shared), fetch));
        Ok(Self { shared, config, done, calls, vms: HashMap::new() })
    }

    /// Connects, and connects again, until dropped.
    pub async fn run(mut self) {
        let _pruning = AbortOnDropHandle::new(tokio::spawn(prune_images(Arc::clone(&self.shared))));
        let mut events = self.shared.drivers.hypervisor.events();
        loop {
            if let Ok(Err(e)) = telemetry::caught("agent.session", self.session(&mut events)).await {
                tracing::warn!(host = %self.config.name, error = %e.internal_text(), "the connection to the member failed");
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    async fn hello(&self) -> Result<Hello> {
        Ok(Hello {
            host: self.config.name.clone(),
            incarnation: self.shared.incarnation,
            availability_zone: self.config.availability_zone.clone(),
            labels: self.config.labels.clone(),
            address: self.config.address.clone(),
            capabilities: self.shared.drivers.hypervisor.capabilities().await?,
            pools: self.shared.pools().await,
        })
    }

    /// One connection, from hello to its end.
    async fn session(&mut self, events: &mut broadcast::Receiver<compute::driver::VmEvent>) -> Result<()> {
        let mut stream = self.shared.link.connect(&self.hello().await?).await?;
        for vm in self.vms.values() {
            let _ = vm.send(VmMessage::Report);
        }
        let mut measuring = tokio::time::interval(MEASURING);
        loop {
            tokio::select! {
                _ = measuring.tick() => self.say_load(),
                down = tokio::time::timeout(SILENCE, stream.next()) => match down {
                    Ok(Some(down)) => self.handle(down),
                    Ok(None) | Err(_) => return Ok(()),
                },
                event = events.recv() => match event {
                    Ok(event) => self.tell(&event.server, VmMessage::Changed),
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.vms.values().for_each(|vm| { let _ = vm.send(VmMessage::Changed); });
                    }
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                },
            }
        }
    }

    /// How busy this host is, for whoever looks for a place. A measurement that is lost is followed by the next.
    fn say_load(&self) {
        let shared = Arc::clone(&self.shared);
        telemetry::spawn_caught("agent.load", async move {
            let said = match shared.drivers.hypervisor.load().await {
                Ok(load) => shared.link.load(&shared.host, load).await,
                Err(e) => Err(e),
            };
            if let Err(e) = said {
                tracing::debug!(host = %shared.host, error = %e.internal_text(), "the host's load could not be told");
            }
        });
    }

    fn handle(&mut self, down: Down) {
        match down {
            Down::Intent { intent } => {
                let server = intent.server.clone();
                // Known before its turn comes: what a snapshot begins with must not take metadata from what it ends with.
                self.shared.remember(&intent);
                self.tell(&server, VmMessage::Intent(intent));
            }
            Down::Gone { server, generation } => self.tell(&server, VmMessage::Gone { generation }),
            Down::Call { id, method, params, within_ms } => self.call(id, method, params, within_ms),
            // From the end of a snapshot on, all intents are known.
            Down::End { .. } | Down::Ping => {
                let shared = Arc::clone(&self.shared);
                telemetry::spawn_caught("agent.metadata", async move { shared.keep_metadata().await });
            }
        }
    }

    fn tell(&mut self, server: &ServerId, message: VmMessage) {
        let (shared, done) = (&self.shared, &self.done);
        let vm = self.vms.entry(server.clone()).or_insert_with(|| start_vm(server, shared, done));
        let _ = vm.send(message); // the task ends with this sender
    }

    fn call(&self, id: u64, method: String, params: serde_json::Value, within_ms: u64) {
        let (calls, link, host) = (Arc::clone(&self.calls), Arc::clone(&self.shared.link), self.config.name.clone());
        telemetry::spawn_caught("agent.call", async move {
            let within = Duration::from_millis(within_ms);
            let asked = telemetry::caught("agent.call", calls.dispatch(&method, params));
            let result = match tokio::time::timeout(within, asked).await {
                Ok(Ok(result)) => result,
                Ok(Err(panicked)) => Err(Error::internal(format!("{method}: {panicked}"))),
                Err(_) => return, // the member has given up as well
            };
            if let Err(e) = &result {
                tracing::warn!(method, error = %e.internal_text(), "a call failed");
            }
            let reply = Reply { id, result: result.map_err(Into::into) };
            if let Err(e) = link.reply(&host, reply).await {
                tracing::warn!(method, error = %e.internal_text(), "an answer could not be sent");
            }
        });
    }
}

/// Now and then, removes images that no disk lies on and nobody used for long.
async fn prune_images(shared: Arc<Shared>) {
    let mut next = tokio::time::interval(PRUNING);
    loop {
        next.tick().await;
        if let Ok(Err(e)) = telemetry::caught("agent.prune", shared.drivers.disks.prune()).await {
            tracing::warn!(host = %shared.host, error = %e.internal_text(), "unused images cannot be removed");
        }
    }
}

fn start_vm(server: &ServerId, shared: &Arc<Shared>, done: &DoneFiles) -> mpsc::UnboundedSender<VmMessage> {
    let (sender, mut inbox) = mpsc::unbounded_channel();
    let mut task = VmTask::new(server.clone(), Arc::clone(shared), done.clone());
    tokio::spawn(async move {
        while let Err(panicked) = telemetry::caught("agent.vm", task.run(&mut inbox)).await {
            task.panicked(&panicked);
            tokio::time::sleep(AFTER_PANIC).await;
        }
    });
    sender
}
