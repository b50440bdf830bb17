//! The engine: finds the flows this process owns, takes over those whose owner is dead, and runs an executor for each.
//!
//! A panic stays where it happened: one in a step is that step's `Retry`; one in an executor ends that executor, and the engine
//! starts another at the journal's place with its next look round; one in the engine itself starts the engine anew. Each is
//! counted and logged.

use crate::{
    Flow, FlowRecord, Owner, Starter,
    executor::Executor,
    life::{Life, Renewal},
    testkit::{Action, Point, Probe},
};
use kernel::{Clock, FlowId};
use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};
use store::{Store, WatchItem};
use telemetry::Panicked;
use tokio::{sync::watch, task::JoinHandle, time::MissedTickBehavior};

/// How long a process may be silent before its flows are taken over.
const LEASE: Duration = Duration::from_secs(6);
/// Pause before an engine that panicked starts anew.
const AFTER_PANIC: Duration = Duration::from_millis(100);

/// What executors share.
pub(crate) struct EngineCore {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) probe: Option<Arc<dyn Probe>>,
    pub(crate) life: Life,
}

impl EngineCore {
    pub(crate) async fn probe(&self, point: Point) -> Action {
        match &self.probe {
            Some(probe) => probe.at(point).await,
            None => Action::Continue,
        }
    }
}

type Task = JoinHandle<Result<(), Panicked>>;
type Spawn = Box<dyn Fn(&Arc<EngineCore>, FlowId, u64, watch::Receiver<bool>) -> Task + Send + Sync>;

pub struct EngineBuilder {
    starter: Starter,
    kinds: HashMap<(&'static str, u32), Spawn>,
    probe: Option<Arc<dyn Probe>>,
    lease: Duration,
}

impl EngineBuilder {
    pub fn new(starter: Starter) -> Self {
        Self { starter, kinds: HashMap::new(), probe: None, lease: LEASE }
    }

    /// Makes this process able to own flows of a kind.
    #[must_use]
    pub fn register<F: Flow>(mut self, flow: F) -> Self {
        let (flow, steps) = (Arc::new(flow), Arc::new(F::steps()));
        let names: HashSet<_> = steps.iter().map(|s| s.name).collect();
        assert_eq!(names.len(), steps.len(), "{} has two steps of one name", F::KIND);
        let spawn: Spawn = Box::new(move |core, id, epoch, cancelled| {
            let (core, flow, steps) = (Arc::clone(core), Arc::clone(&flow), Arc::clone(&steps));
            telemetry::spawn_caught(F::KIND, Executor { core, flow, steps, id, epoch, cancelled }.run())
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

    /// Another lease time, for tests.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Starts the engine: adopts what dead processes left and follows the log.
    pub fn run(self, store: Store, clock: Arc<dyn Clock>) -> Engine {
        let life = Life::new(store.clone(), Arc::clone(&clock), self.starter.clone(), self.lease);
        let core = Arc::new(EngineCore { store, clock, probe: self.probe, life });
        let running = Running { core, starter: self.starter, kinds: self.kinds, flows: HashMap::new() };
        let until = running.core.life.until();
        Engine { task: tokio::spawn(supervise(running)), until }
    }
}

async fn supervise(mut running: Running) {
    loop {
        let Err(_counted) = telemetry::caught("flow.engine", running.run()).await;
        running.flows.clear();
        tokio::time::sleep(AFTER_PANIC).await;
    }
}

/// Ends all executors of this process when dropped, wherever they are: what a kill does, and as harmless.
pub struct Engine {
    task: JoinHandle<()>,
    until: watch::Receiver<Duration>,
}

impl Engine {
    /// Waits until this process holds its lease. Flows that it starts earlier may be taken over as a dead process's.
    pub async fn ready(&self) {
        let held = self.until.clone().wait_for(|until| !until.is_zero()).await.is_ok();
        if !held {
            std::future::pending::<()>().await; // the engine has ended, and with it this process's flows
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Live {
    epoch: u64,
    task: Task,
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
    async fn run(&mut self) -> Infallible {
        let mut watch = self.core.store.watch();
        let mut renew = tokio::time::interval(self.core.life.renewal_interval());
        // After a freeze one look is enough, not one for each that was missed.
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                item = watch.next() => match item {
                    WatchItem::Batch(batch) => {
                        for change in batch.of::<FlowRecord>() {
                            self.changed(&FlowId::from(change.key.as_str()), change.new.as_deref());
                        }
                    }
                    WatchItem::Reset(_) => self.look_round(),
                },
                _ = renew.tick() => {
                    self.renew_and_adopt().await;
                    self.look_round();
                }
            }
        }
    }

    /// Looks at every record: runs ours that do not run, ends those that are not ours any more.
    fn look_round(&mut self) {
        let snapshot = self.core.store.snapshot();
        self.flows.retain(|id, live| snapshot.contains::<FlowRecord>(id) && !live.task.is_finished());
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
        if record.owner.incarnation != *self.starter.incarnation() {
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
        match self.core.life.renew().await {
            Ok(Renewal::Same) => {}
            // Whoever saw the lease gone may have the flows by now. Those that nobody has taken are orphans like others'.
            Ok(Renewal::Reborn) => self.flows.clear(),
            Err(e) => {
                tracing::warn!(error = %e, "the flow engine's lease was not renewed");
                return;
            }
        }
        // The flows of a process that began after this are not in it, so they cannot be taken for a dead one's.
        let snapshot = self.core.store.snapshot();
        let Ok(dead) = self.core.life.dead().await else { return };
        let orphans: Vec<_> = snapshot.all::<FlowRecord>().filter(|r| dead(&r.owner)).collect();
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
            Ok(true) => {
                telemetry::metrics().flow_adopted();
                tracing::info!(flow = %orphan.id, kind = orphan.kind, step = orphan.step, "took over a flow");
            }
            Ok(false) => {}
            Err(e) => tracing::warn!(flow = %orphan.id, error = %e.internal_text(), "a flow could not be taken over"),
        }
    }
}
