//! The engine: finds the flows this process owns, takes over those whose owner is dead, and runs an executor for each.

use crate::{
    Flow, FlowRecord, Owner,
    executor::Executor,
    testkit::{Action, Point, Probe},
};
use kernel::{Clock, FlowId, HostName};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use store::{Store, WatchItem};
use tokio::{sync::watch, task::JoinHandle};

/// How long a process may be silent before its flows are taken over.
const LEASE: Duration = Duration::from_secs(6);
const RENEW: Duration = Duration::from_secs(2);

/// Who starts flows: names this process as their owner. Cheap to clone; services keep one.
#[derive(Clone)]
pub struct Starter {
    node: HostName,
    incarnation: Arc<str>,
}

impl Starter {
    pub fn new(node: HostName) -> Self {
        Self { node, incarnation: kernel::ids::uuid_hex().as_str().into() }
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner { node: self.node.clone(), incarnation: self.incarnation.to_string(), epoch: 1 }
    }
}

/// What executors share.
pub(crate) struct EngineCore {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) probe: Option<Arc<dyn Probe>>,
}

impl EngineCore {
    pub(crate) async fn probe(&self, point: Point) -> Action {
        match &self.probe {
            Some(probe) => probe.at(point).await,
            None => Action::Continue,
        }
    }
}

type Spawn = Box<dyn Fn(&Arc<EngineCore>, FlowId, u64, watch::Receiver<bool>) -> JoinHandle<()> + Send + Sync>;

pub struct EngineBuilder {
    starter: Starter,
    kinds: HashMap<(&'static str, u32), Spawn>,
    probe: Option<Arc<dyn Probe>>,
}

impl EngineBuilder {
    pub fn new(starter: Starter) -> Self {
        Self { starter, kinds: HashMap::new(), probe: None }
    }

    /// Makes this process able to own flows of a kind.
    #[must_use]
    pub fn register<F: Flow>(mut self, flow: F) -> Self {
        let (flow, steps) = (Arc::new(flow), Arc::new(F::steps()));
        let names: HashSet<_> = steps.iter().map(|s| s.name).collect();
        assert_eq!(names.len(), steps.len(), "{} has two steps of one name", F::KIND);
        let spawn: Spawn = Box::new(move |core, id, epoch, cancelled| {
            let (core, flow, steps) = (Arc::clone(core), Arc::clone(&flow), Arc::clone(&steps));
            tokio::spawn(Executor { core, flow, steps, id, epoch, cancelled }.run())
        });
        assert!(self.kinds.insert((F::KIND, F::VERSION), spawn).is_none(), "{} is registered twice", F::KIND);
        self
    }

    /// Lets a test stop, fail or repeat steps; see [`crate::testkit`].
    #[must_use]
    pub fn probe(mut self, probe: Arc<dyn Probe>) -> Self {
        self.probe = Some(probe);
        self
    }

    /// Starts the engine: adopts what dead processes left and follows the log.
    pub fn run(self, store: Store, clock: Arc<dyn Clock>) -> Engine {
        let core = Arc::new(EngineCore { store, clock, probe: self.probe });
        let running = Running { core, starter: self.starter, kinds: self.kinds, flows: HashMap::new() };
        Engine { task: tokio::spawn(running.run()) }
    }
}

/// Ends all executors of this process when dropped, wherever they are: what a kill does, and as harmless.
pub struct Engine {
    task: JoinHandle<()>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Live {
    epoch: u64,
    task: JoinHandle<()>,
    cancel: watch::Sender<bool>,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Running {
    core: Arc<EngineCore>,
    starter: Starter,
    kinds: HashMap<(&'static str, u32), Spawn>,
    flows: HashMap<FlowId, Live>,
}

impl Running {
    async fn run(mut self) {
        let mut watch = self.core.store.watch();
        let mut renew = tokio::time::interval(RENEW);
        self.survey().await;
        loop {
            tokio::select! {
                item = watch.next() => match item {
                    WatchItem::Batch(batch) => {
                        for change in batch.of::<FlowRecord>() {
                            self.changed(&FlowId::from(change.key.as_str()), change.new.as_deref());
                        }
                    }
                    WatchItem::Reset(_) => self.survey().await,
                },
                _ = renew.tick() => self.renew_and_adopt().await,
            }
        }
    }

    /// Looks at every record: runs ours, adopts the dead's.
    async fn survey(&mut self) {
        self.renew_and_adopt().await;
        let snapshot = self.core.store.snapshot();
        for record in snapshot.all::<FlowRecord>() {
            self.changed(&record.id, Some(&record));
        }
    }

    fn changed(&mut self, id: &FlowId, record: Option<&FlowRecord>) {
        let Some(record) = record else {
            // Whoever ended it has nothing more to write; a frozen executor would only find that it has lost the flow.
            self.flows.remove(id);
            return;
        };
        let ours = record.owner.incarnation == *self.starter.incarnation;
        if !ours {
            self.flows.remove(id);
            return;
        }
        match self.flows.get(id) {
            Some(live) if live.epoch == record.owner.epoch => {
                if record.cancelled {
                    live.cancel.send_replace(true);
                }
            }
            _ => self.spawn(record),
        }
    }

    fn spawn(&mut self, record: &FlowRecord) {
        let kind = self.kinds.iter().find(|((kind, version), _)| *kind == record.kind && *version == record.version);
        let Some((_, spawn)) = kind else {
            tracing::error!(flow = %record.id, kind = record.kind, version = record.version, "this program cannot run a flow it owns");
            return;
        };
        let (cancel, cancelled) = watch::channel(record.cancelled);
        let task = spawn(&self.core, record.id.clone(), record.owner.epoch, cancelled);
        self.flows.insert(record.id.clone(), Live { epoch: record.owner.epoch, task, cancel });
    }

    async fn renew_and_adopt(&mut self) {
        let name = |incarnation: &str| format!("flow/{incarnation}");
        if let Err(e) = self.core.store.lease(&name(&self.starter.incarnation), LEASE).await {
            tracing::warn!(error = %e, "the flow engine's lease was not renewed");
            return;
        }
        let Ok(leases) = self.core.store.leases().await else { return };
        let snapshot = self.core.store.snapshot();
        let dead = |r: &FlowRecord| {
            r.owner.incarnation != *self.starter.incarnation && !leases.contains(&name(&r.owner.incarnation))
        };
        let orphans: Vec<_> = snapshot.all::<FlowRecord>().filter(|r| dead(r)).collect();
        for orphan in orphans.iter().filter(|r| self.kinds.keys().any(|(k, v)| *k == r.kind && *v == r.version)) {
            self.adopt(orphan).await;
        }
    }

    async fn adopt(&self, orphan: &FlowRecord) {
        let (id, epoch, owner) = (orphan.id.clone(), orphan.owner.epoch, self.starter.owner());
        let adopted = self.core.store.transact("flow.adopt", move |tx| {
            let mine = |r: &mut FlowRecord| r.owner = Owner { epoch: epoch + 1, ..owner.clone() };
            let free = tx.get::<FlowRecord>(&id).is_some_and(|r| r.owner.epoch == epoch);
            Ok(free && tx.update::<FlowRecord>(&id, mine).is_some())
        });
        match adopted.await {
            Ok(true) => tracing::info!(flow = %orphan.id, kind = orphan.kind, step = orphan.step, "took over a flow"),
            Ok(false) => {}
            Err(e) => tracing::warn!(flow = %orphan.id, error = %e.internal_text(), "a flow could not be taken over"),
        }
    }
}
