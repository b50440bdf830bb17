//! One VM: the task that owns it, and the handle by which others reach it.
//!
//! ```text
//!   start/stop/attach/… ──▶ queue of jobs ──▶ ┌────────────┐ ──▶ record on disk
//!   QEMU's notices ─────────────────────────▶ │  Vm (task) │ ──▶ QEMU's monitor, its process
//!   the process ends ───────────────────────▶ └────────────┘ ──▶ published status ──▶ status, list, stats, copy, console
//! ```
//!
//! Everything that changes a VM happens in its task, one thing at a time; nobody else writes its record or ends its process.
//! What only looks (status, stats, console, a disk's copy) reads what the task last published, and so is never stuck behind
//! a guest that takes a minute to shut down. A call that takes the guest away (destroy, forced stop, hard reboot) is *urgent*: while
//! one waits in the queue, the patience of the job before it is over.
//!
//! QEMU's notices are never believed by themselves, they are a reason to ask QEMU how it is (`look`). So a notice that is late,
//! lost or doubled does no harm, and one of a call's own making is no event to others.
//!
//! A task that panicked is replaced; the new one adopts the VM from disk like a new driver.

mod adopt;
mod agent;
mod copy;
pub mod crossing;
mod devices;
mod landing;
mod look;
pub mod moving;
pub(super) mod pins;
mod power;
mod saved;
mod shape;
mod stats;
mod tpm;

pub use copy::copy;
pub use shape::limits;
pub use stats::stats;

use super::{
    Shared,
    machine::{Setting, disk},
    process::Process,
    qmp::{Notice, Qmp},
    record::{Phase, Record, VmDir},
};
use compute::driver::{Fence, VmEvent, VmState, VmStatus};
use futures_util::{FutureExt, future::BoxFuture};
use kernel::{Error, Result, ServerId};
use std::{panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

/// How often a task tidies up: rotates the console log, looks for a monitor that did not answer.
const UPKEEP: Duration = Duration::from_secs(5);
/// After QEMU hung up its process is given this long to be gone.
const HANG_UP: Duration = Duration::from_secs(2);
/// Between the panic of a task and its successor.
const REBIRTH: Duration = Duration::from_secs(2);

pub type Job = Box<dyn for<'a> FnOnce(&'a mut Vm) -> BoxFuture<'a, ()> + Send>;

/// Whether a call ends the patience of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    Patient,
    Urgent(Fence),
}

/// What a VM's task tells everybody.
#[derive(Clone, Debug)]
pub struct Published {
    pub status: VmStatus,
    pub live: Option<Live>,
}

/// What one needs to look into a guest that has a process.
#[derive(Clone, Debug)]
pub struct Live {
    pub qmp: Option<Qmp>,
    pub pid: i32,
    pub memory_mib: u64,
    /// Ids and slots.
    pub disks: Vec<(String, u8)>,
    /// Ids and block nodes of the disks that no other host can reach.
    pub local: Vec<(String, String)>,
    /// Their files.
    pub files: Vec<PathBuf>,
}

/// The way to a VM's task.
#[derive(Clone, Debug)]
pub struct Handle {
    pub jobs: mpsc::UnboundedSender<Job>,
    pub published: watch::Receiver<Published>,
    /// How many urgent calls wait.
    pub urgent: watch::Sender<usize>,
}

/// A job and where its answer will come.
pub fn job<T, F>(f: F, urgency: Urgency) -> (Job, oneshot::Receiver<Result<T>>)
where
    T: Send + 'static,
    F: for<'a> FnOnce(&'a mut Vm) -> BoxFuture<'a, Result<T>> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let job: Job = Box::new(move |vm| {
        if let Urgency::Urgent(_) = urgency {
            vm.urgent.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
        }
        Box::pin(async move {
            // A caller that went away does not stop what it asked for.
            let _ = reply.send(f(vm).await);
        })
    });
    (job, answer)
}

/// Starts the task of a VM. It first adopts what is on disk, then serves its queue.
pub fn spawn(shared: &Arc<Shared>, server: &ServerId, dir: VmDir, seen: u64) -> Handle {
    let (jobs, queue) = mpsc::unbounded_channel();
    let status = VmStatus {
        server: server.clone(),
        state: VmState::Absent,
        generation: seen,
        disks: Vec::new(),
        ports: Vec::new(),
    };
    let (publish, published) = watch::channel(Published { status, live: None });
    let urgent = watch::Sender::new(0);
    let vm = Vm {
        shared: shared.clone(),
        server: server.clone(),
        dir,
        record: None,
        broken: None,
        seen,
        guest: None,
        publish,
        urgent: urgent.clone(),
    };
    shared.tasks.spawn(watched(shared.clone(), server.clone(), vm.run(queue)));
    Handle { jobs, published, urgent }
}

/// Runs a VM's task and, should it panic, has another take its place, after a pause lest it panic again at once.
async fn watched(shared: Arc<Shared>, server: ServerId, task: impl Future<Output = ()>) {
    if AssertUnwindSafe(task).catch_unwind().await.is_ok() {
        return;
    }
    // The panic hook has told where; this tells whose.
    tracing::error!(%server, "the task of a VM panicked, starting another");
    sleep(REBIRTH).await;
    let (nothing, _) = job(|_| Box::pin(async { Ok(()) }), Urgency::Patient);
    // Gone with the driver, or started anew by a call: either is well.
    let _ = shared.requeue(&server, nothing);
}

/// The VM's task. Its methods lie in the files of this directory, one per kind of work.
pub struct Vm {
    shared: Arc<Shared>,
    server: ServerId,
    dir: VmDir,
    record: Option<Record>,
    /// Why nothing may be done with this VM, and whether it has a process.
    broken: Option<Broken>,
    /// The newest generation seen while there is no record.
    seen: u64,
    guest: Option<Guest>,
    publish: watch::Sender<Published>,
    urgent: watch::Sender<usize>,
}

/// A VM whose record cannot be read, or whose process cannot be found. It is not absent: it may be using its disks.
struct Broken {
    why: Error,
    alive: bool,
}

/// A VM's process, as long as it may be alive.
struct Guest {
    process: Process,
    /// `None`: it lives but does not answer (stopped, overloaded); asked again by upkeep.
    monitor: Option<Monitor>,
    agent: Option<agent::Channel>,
    /// When file systems that are held are let go, unless somebody does it before; `None` if that is due.
    held_until: Option<Instant>,
    run: Run,
}

struct Monitor {
    qmp: Qmp,
    notices: broadcast::Receiver<Notice>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Running,
    Paused,
}

/// What can happen by itself.
enum Happening {
    Noticed(Notice),
    /// Notices were lost: anything may have happened.
    Lagged,
    Exited,
}

impl Vm {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Job>) {
        self.adopt().await;
        let mut upkeep = interval(UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // An absent VM needs no task. Jobs are queued under the registry's lock, so none can slip in between.
            if self.record.is_none() && self.broken.is_none() {
                let generation = self.generation();
                if self.shared.registry.lock().retire(&self.server, generation, &queue) {
                    return;
                }
            }
            tokio::select! {
                job = queue.recv() => match job {
                    Some(job) => job(&mut self).await,
                    // The driver closes; the guest goes on.
                    None => return,
                },
                happening = happens(&mut self.guest) => self.react(happening).await,
                _ = upkeep.tick() => self.upkeep().await,
            }
        }
    }

    fn setting(&self) -> Setting<'_> {
        let probe = &self.shared.probe;
        Setting {
            config: &self.shared.config,
            accel: self.shared.accel,
            cpu: &probe.cpu,
            machines: &probe.machines,
            traits: &probe.traits,
        }
    }

    fn generation(&self) -> u64 {
        self.record.as_ref().map_or(self.seen, |r| r.generation)
    }

    fn state(&self) -> VmState {
        if let Some(broken) = &self.broken {
            return if broken.alive { VmState::Running } else { VmState::Crashed };
        }
        match (&self.record, &self.guest) {
            (None, _) => VmState::Absent,
            (Some(Record { phase: Phase::Arriving, .. }), Some(_)) => VmState::Arriving,
            (_, Some(Guest { run: Run::Running, .. })) => VmState::Running,
            (_, Some(Guest { run: Run::Paused, .. })) => VmState::Paused,
            (Some(Record { phase: Phase::Shutdown | Phase::Stopping, .. }), None) => VmState::Shutdown,
            (Some(Record { phase: Phase::Suspended, .. }), None) => VmState::Suspended,
            (Some(_), None) => VmState::Crashed,
        }
    }

    /// The monitor of a live guest. `Ok(None)`: there is no process. An error: there is one, and it does not answer.
    fn monitor(&self) -> Result<Option<&Qmp>> {
        match &self.guest {
            None => Ok(None),
            Some(Guest { monitor: Some(monitor), .. }) => Ok(Some(&monitor.qmp)),
            Some(Guest { monitor: None, process, .. }) => Err(Error::unavailable("the hypervisor does not answer")
                .with_internal(format!("QEMU process {} has no working monitor", process.pid()))),
        }
    }

    /// Lets a call in: nothing older than what was seen may touch the guest, and what is seen is on disk before it acts.
    async fn admit(&mut self, fence: Fence) -> Result<()> {
        if let Some(broken) = &self.broken {
            return Err(broken.why.clone());
        }
        self.check_fence(fence)?;
        match &mut self.record {
            None => self.seen = fence.generation,
            Some(record) if record.generation < fence.generation => {
                record.generation = fence.generation;
                self.save().await?;
                self.tell();
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn check_fence(&self, fence: Fence) -> Result<()> {
        let newest = self.generation();
        if fence.generation < newest {
            return Err(stale(&self.server, fence, newest));
        }
        Ok(())
    }

    async fn save(&self) -> Result<()> {
        match &self.record {
            Some(record) => self.dir.write(record).await,
            None => Ok(()),
        }
    }

    async fn enter(&mut self, phase: Phase) -> Result<()> {
        if let Some(record) = &mut self.record {
            record.phase = phase;
        }
        self.save().await
    }

    /// Notes what has already happened. That the disk refuses to take it does not undo it: the next driver finds out by
    /// looking, only less surely.
    async fn note(&mut self, phase: Phase) {
        if let Err(e) = self.enter(phase).await {
            tracing::error!(server = %self.server, ?phase, error = %e.internal_text(), "cannot write down a VM's phase");
        }
    }

    /// Publishes how the VM is now.
    fn tell(&self) {
        let spec = self.record.as_ref().map(|r| &r.spec);
        let status = VmStatus {
            server: self.server.clone(),
            state: self.state(),
            generation: self.generation(),
            disks: spec.map_or(Vec::new(), |s| s.disks.iter().map(|d| d.id.clone()).collect()),
            ports: spec.map_or(Vec::new(), |s| s.nics.iter().map(|n| n.port.clone()).collect()),
        };
        let live = self.guest.as_ref().zip(spec).map(|(guest, spec)| Live {
            qmp: guest.monitor.as_ref().map(|m| m.qmp.clone()),
            pid: guest.process.pid(),
            memory_mib: spec.memory_mib,
            disks: spec.disks.iter().map(|d| (d.id.clone(), d.slot)).collect(),
            local: spec
                .disks
                .iter()
                .filter(|d| landing::travels(d))
                .map(|d| (d.id.clone(), disk::top_node(d.slot)))
                .collect(),
            files: spec.disks.iter().filter(|d| landing::travels(d)).filter_map(landing::file).collect(),
        });
        self.publish.send_replace(Published { status, live });
    }

    /// Tells everybody of a change that nobody asked for.
    fn announce(&self) {
        self.tell();
        let state = self.state();
        tracing::info!(server = %self.server, ?state, "a guest changed by itself");
        // Nobody listening is fine: the agent asks for the list when it starts.
        let _ = self.shared.events.send(VmEvent { server: self.server.clone(), state });
    }

    /// Returns when an urgent call waits.
    async fn hurried(&self) {
        let mut urgent = self.urgent.subscribe();
        // The sender is ours, so the channel cannot close.
        let _ = urgent.wait_for(|waiting| *waiting > 0).await;
    }
}

/// The refusal of a call that comes too late.
pub fn stale(server: &ServerId, fence: Fence, newest: u64) -> Error {
    let (old, server) = (fence.generation, server.as_str());
    Error::conflict(format!("server {server} is at generation {newest} here; the call is of generation {old}"))
        .with_code("stale_generation")
}

/// Waits for what happens by itself; for ever, while there is no process.
async fn happens(guest: &mut Option<Guest>) -> Happening {
    let Some(guest) = guest else { return std::future::pending().await };
    let exited = guest.process.exited();
    let Some(monitor) = &mut guest.monitor else {
        exited.await;
        return Happening::Exited;
    };
    tokio::select! {
        // What QEMU said before it ended tells why it ended.
        biased;
        notice = monitor.notices.recv() => match notice {
            Ok(notice) => Happening::Noticed(notice),
            Err(broadcast::error::RecvError::Lagged(_)) => Happening::Lagged,
            Err(broadcast::error::RecvError::Closed) => Happening::Noticed(Notice::Closed),
        },
        () = exited => Happening::Exited,
    }
}
