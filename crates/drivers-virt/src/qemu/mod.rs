//! Guests in QEMU, spoken to by QMP; no libvirt in between.
//!
//! ```text
//!   Qemu ── registry ──▶ one task per VM (`vm`) ──┬─▶ record on disk (`record`)
//!    │                                            ├─▶ process, lock, pidfd (`process`)
//!    └─ acceleration (`accel`), control groups    └─▶ monitor (`qmp`), command line (`machine`)
//! ```
//!
//! Invariants
//! - One driver per state directory (a lock on it), one task per VM, one process per VM (a lock it holds as its stdin).
//! - A QEMU process belongs to nobody: it outlives the driver, and a new driver takes it over by its monitor.
//! - What is about to be done is on disk before it is done; killed anywhere, the next driver finishes or cleans (`record`).
//! - An error other than `Unavailable` means that what was asked did not happen and left nothing behind. `Unavailable` means
//!   that nobody knows: ask again, every call is idempotent.

pub mod accel;
mod agent;
mod audit;
mod cells;
mod cgroup;
mod config;
mod doctor;
mod emulator;
mod host;
mod live;
pub(crate) mod machine;
mod meter;
pub mod probe;
mod process;
mod qmp;
pub(crate) mod record;
mod sockets;
mod vm;

pub use cells::CpuSets;
pub use config::{Acceleration, Crossing, ProbeKernel, QemuConfig, Switch, Vtpm};
pub use doctor::doctor;

use crate::console;
use accel::Accel;
use async_trait::async_trait;
use cgroup::Cgroups;
use compute::driver::*;
use futures_util::future::{BoxFuture, join_all};
use kernel::{Error, PortId, Result, ServerId, error::Doing};
use parking_lot::Mutex;
use ports::Load;
use probe::Probe;
use record::{VmDir, disk_error};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    sync::{broadcast, mpsc},
    task::spawn_blocking,
};
use tokio_util::task::TaskTracker;
use vm::{Handle, Job, Published, Urgency, Vm};

/// How many destroyed servers' generations are remembered, to refuse calls that come too late.
const REMEMBERED: usize = 65_536;

/// Removes what is left of a driver that is used no more and is in no state directory: its control group.
pub fn forget(config: &QemuConfig) {
    Cgroups::find(&config.cgroup).remove();
}

/// The driver. Dropping it (or [`Qemu::close`]) leaves every guest running.
pub struct Qemu {
    shared: Arc<Shared>,
}

/// What the tasks of all VMs share.
pub(crate) struct Shared {
    config: QemuConfig,
    sockets: PathBuf,
    accel: Accel,
    probe: Probe,
    cgroups: Cgroups,
    events: broadcast::Sender<VmEvent>,
    registry: Mutex<Registry>,
    meter: Mutex<meter::Meter>,
    tasks: TaskTracker,
    _lock: File,
}

/// Who is here, and who was.
#[derive(Default)]
struct Registry {
    vms: HashMap<ServerId, Handle>,
    gone: HashMap<ServerId, u64>,
    order: VecDeque<ServerId>,
}

impl Registry {
    /// Called by the task of an absent VM: if nothing is queued for it, it is forgotten and may end.
    fn retire(&mut self, server: &ServerId, generation: u64, queue: &mpsc::UnboundedReceiver<Job>) -> bool {
        if !queue.is_empty() {
            return false;
        }
        self.vms.remove(server);
        if self.gone.insert(server.clone(), generation).is_none() {
            self.order.push_back(server.clone());
        }
        while self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.gone.remove(&oldest);
            }
        }
        true
    }
}

impl Qemu {
    /// Opens the state directory, chooses the acceleration (which may boot a kernel to try it) and takes over every VM.
    pub async fn open(mut config: QemuConfig) -> Result<Self> {
        fs::create_dir_all(config.state_dir.join("vms")).map_err(|e| disk_error("making the state directory", e))?;
        config.state_dir = fs::canonicalize(&config.state_dir).doing("resolving the state directory")?;
        // Records hold what is a guest's secret: user data, passwords.
        fs::set_permissions(config.state_dir.join("vms"), fs::Permissions::from_mode(0o700))
            .doing("closing the directory of VMs to others")?;
        let lock = process::lock_state(&config.state_dir, config.lock_patience).await?;
        if let Some(crossing) = &config.crossing {
            crossing.name_certificates(&config.state_dir.join("tls"))?;
        }
        let sockets = sockets::root(&config.state_dir, &config.run_dir)?;
        let (accel, _) = accel::choose(&config).await?;
        let probe = probe::ask(&config, accel).await?;
        let cgroups = Cgroups::find(&config.cgroup).prepare();
        if let Cgroups::None(why) = &cgroups {
            tracing::warn!(why, "guests run without CPU limits: there is no control group for them");
        }
        let qemu = Self {
            shared: Arc::new(Shared {
                config,
                sockets,
                accel,
                probe,
                cgroups,
                events: broadcast::channel(4096).0,
                registry: Mutex::default(),
                meter: Mutex::default(),
                tasks: TaskTracker::new(),
                _lock: lock,
            }),
        };
        qemu.take_over_all().await?;
        Ok(qemu)
    }

    /// Ends the driver's tasks, in order; guests go on. What was begun is finished first.
    pub async fn close(self) {
        let tasks = self.shared.tasks.clone();
        drop(self);
        tasks.close();
        tasks.wait().await;
    }

    async fn take_over_all(&self) -> Result<()> {
        let vms = self.shared.config.state_dir.join("vms");
        let mut servers = Vec::new();
        for entry in fs::read_dir(&vms).doing("reading the directory of VMs")? {
            let name = entry.doing("reading the directory of VMs")?.file_name();
            match name.to_str().map(ServerId::from).filter(|s| self.shared.dir(s).is_some()) {
                Some(server) => servers.push(server),
                None => tracing::warn!(?name, "what is this doing among the VMs? left alone"),
            }
        }
        // A task adopts first and serves then, so the answer to nothing means adopted.
        let adopted = servers.iter().map(|s| self.call(s, Urgency::Patient, |_| Box::pin(async { Ok(()) })));
        join_all(adopted).await.into_iter().collect()
    }

    /// Has the VM's task do something. What is urgent must not be stale, else it could hurry what it may not touch.
    async fn call<T, F>(&self, server: &ServerId, urgency: Urgency, f: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'a> FnOnce(&'a mut Vm) -> BoxFuture<'a, Result<T>> + Send + 'static,
    {
        if let Urgency::Urgent(fence) = urgency {
            let newest = self.shared.published(server).map_or(0, |p| p.status.generation);
            if fence.generation < newest {
                return Err(vm::stale(server, fence, newest));
            }
        }
        let (job, answer) = vm::job(f, urgency);
        self.shared.queue(server, urgency, job)?;
        // The task panicked in the middle; what became of the call shows when it is asked again.
        answer.await.map_err(|_| Error::unavailable("the task of the server ended unexpectedly"))?
    }

    fn live(&self, server: &ServerId) -> Result<vm::Live> {
        match self.shared.published(server) {
            Some(Published { live: Some(live), .. }) => Ok(live),
            Some(p) if p.status.state != VmState::Absent => Err(Error::conflict("the guest does not run")),
            _ => Err(absent(server)),
        }
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // Tasks end when nobody can queue for them any more; the last gives up the lock.
        self.shared.registry.lock().vms.clear();
    }
}

fn absent(server: &ServerId) -> Error {
    Error::not_found(format!("there is no guest of server {server} here"))
}

impl Shared {
    /// Where QEMU finds certificates.
    fn tls(&self) -> PathBuf {
        self.config.state_dir.join("tls")
    }

    fn dir(&self, server: &ServerId) -> Option<VmDir> {
        VmDir::new(&self.config.state_dir, &self.sockets, server)
    }

    fn published(&self, server: &ServerId) -> Option<Published> {
        self.registry.lock().vms.get(server).map(|h| h.published.borrow().clone())
    }

    /// For a task in place of one that panicked: not if the driver has closed meanwhile.
    fn requeue(self: &Arc<Self>, server: &ServerId, job: Job) -> Result<()> {
        if !self.registry.lock().vms.contains_key(server) {
            return Ok(());
        }
        self.queue(server, Urgency::Patient, job)
    }

    /// Queues a job with the VM's task, which is started if there is none. Under the lock, so that a task that retires has
    /// either taken the job or is replaced.
    fn queue(self: &Arc<Self>, server: &ServerId, urgency: Urgency, mut job: Job) -> Result<()> {
        let dir = self.dir(server).ok_or_else(|| Error::bad_request(format!("server id {server:?} is not a UUID")))?;
        let mut registry = self.registry.lock();
        let seen = registry.gone.get(server).copied().unwrap_or_default();
        if let Some(handle) = registry.vms.get(server) {
            match send(handle, urgency, job) {
                Ok(()) => return Ok(()),
                Err(back) => job = back,
            }
        }
        let handle = vm::spawn(self, server, dir, seen);
        let sent = send(&handle, urgency, job);
        registry.vms.insert(server.clone(), handle);
        sent.map_err(|_| Error::unavailable("the task of the server does not start"))
    }
}

/// Gives the job back if the task is dead.
fn send(handle: &Handle, urgency: Urgency, job: Job) -> Result<(), Job> {
    if let Urgency::Urgent(_) = urgency {
        handle.urgent.send_modify(|waiting| *waiting += 1);
    }
    handle.jobs.send(job).map_err(|e| e.0)
}

#[async_trait]
impl Hypervisor for Qemu {
    async fn capabilities(&self) -> Result<HostCapabilities> {
        host::capabilities(&self.shared.config, &self.shared.probe, self.shared.accel)
    }

    async fn load(&self) -> Result<Load> {
        self.shared.meter.lock().measure()
    }

    fn addresses(&self, spec: &VmSpec) -> BTreeMap<String, GuestAddress> {
        machine::address::seen_by_guest(spec)
    }

    async fn list(&self) -> Result<Vec<VmStatus>> {
        let registry = self.shared.registry.lock();
        let all = registry.vms.values().map(|h| h.published.borrow().status.clone());
        Ok(all.filter(|s| s.state != VmState::Absent).collect())
    }

    async fn status(&self, server: &ServerId) -> Result<VmStatus> {
        if let Some(published) = self.shared.published(server) {
            return Ok(published.status);
        }
        let generation = self.shared.registry.lock().gone.get(server).copied().unwrap_or_default();
        let (disks, ports) = (Vec::new(), Vec::new());
        Ok(VmStatus { server: server.clone(), state: VmState::Absent, generation, disks, ports })
    }

    async fn start(&self, spec: &VmSpec, fence: Fence) -> Result<()> {
        let asked = spec.clone();
        self.call(&spec.server, Urgency::Patient, move |vm| Box::pin(async move { vm.start(&asked, fence).await }))
            .await
    }

    async fn stop(&self, server: &ServerId, mode: StopMode, fence: Fence) -> Result<()> {
        let urgency = match mode {
            StopMode::Graceful { .. } => Urgency::Patient,
            StopMode::Force => Urgency::Urgent(fence),
        };
        self.call(server, urgency, move |vm| Box::pin(vm.stop(mode, fence))).await
    }

    async fn reboot(&self, spec: &VmSpec, mode: RebootMode, fence: Fence) -> Result<()> {
        let asked = spec.clone();
        let urgency = match mode {
            RebootMode::Soft { .. } => Urgency::Patient,
            RebootMode::Hard => Urgency::Urgent(fence),
        };
        self.call(&spec.server, urgency, move |vm| Box::pin(async move { vm.reboot(&asked, mode, fence).await })).await
    }

    async fn pause(&self, server: &ServerId, fence: Fence) -> Result<()> {
        self.call(server, Urgency::Patient, move |vm| Box::pin(vm.pause(fence))).await
    }

    async fn resume(&self, server: &ServerId, fence: Fence) -> Result<()> {
        self.call(server, Urgency::Patient, move |vm| Box::pin(vm.resume(fence))).await
    }

    async fn suspend(&self, server: &ServerId, fence: Fence) -> Result<()> {
        self.call(server, Urgency::Patient, move |vm| Box::pin(vm.suspend(fence))).await
    }

    async fn destroy(&self, server: &ServerId, fence: Fence) -> Result<()> {
        self.call(server, Urgency::Urgent(fence), move |vm| Box::pin(vm.destroy(fence))).await
    }

    async fn attach_disk(&self, server: &ServerId, disk: &Disk, fence: Fence) -> Result<()> {
        let disk = disk.clone();
        self.call(server, Urgency::Patient, move |vm| Box::pin(async move { vm.attach_disk(&disk, fence).await })).await
    }

    async fn detach_disk(&self, server: &ServerId, disk_id: &str, fence: Fence) -> Result<()> {
        let id = disk_id.to_owned();
        self.call(server, Urgency::Patient, move |vm| Box::pin(async move { vm.detach_disk(&id, fence).await })).await
    }

    async fn attach_nic(&self, server: &ServerId, nic: &Nic, fence: Fence) -> Result<()> {
        let nic = nic.clone();
        self.call(server, Urgency::Patient, move |vm| Box::pin(async move { vm.attach_nic(&nic, fence).await })).await
    }

    async fn detach_nic(&self, server: &ServerId, port: &PortId, fence: Fence) -> Result<()> {
        let port = port.clone();
        self.call(server, Urgency::Patient, move |vm| Box::pin(async move { vm.detach_nic(&port, fence).await })).await
    }

    async fn copy_disk(&self, server: &ServerId, disk_id: &str, to: &Path, quiesce: Quiesce) -> Result<()> {
        self.copy_at_rest(server, disk_id, to, quiesce).await
    }

    async fn reshape(&self, spec: &VmSpec, fence: Fence) -> Result<()> {
        let asked = spec.clone();
        self.call(&spec.server, Urgency::Patient, move |vm| Box::pin(async move { vm.reshape(&asked, fence).await }))
            .await
    }

    async fn limits(&self, server: &ServerId) -> Result<VmLimits> {
        vm::limits(&self.live(server)?, &self.shared.cgroups, server).await
    }

    async fn limit_disk(&self, server: &ServerId, disk: &Disk, fence: Fence) -> Result<()> {
        let disk = disk.clone();
        self.call(server, Urgency::Patient, move |vm| Box::pin(async move { vm.limit_disk(&disk, fence).await })).await
    }

    async fn resize_disk(&self, server: &ServerId, disk_id: &str, size_bytes: u64) -> Result<()> {
        let id = disk_id.to_owned();
        self.call(server, Urgency::Patient, move |vm| Box::pin(async move { vm.resize_disk(&id, size_bytes).await }))
            .await
    }

    async fn inject_nmi(&self, server: &ServerId) -> Result<()> {
        self.call(server, Urgency::Patient, |vm| Box::pin(vm.inject_nmi())).await
    }

    async fn console_log(&self, server: &ServerId, tail: Tail) -> Result<String> {
        let here = self.shared.published(server).is_some_and(|p| p.status.state != VmState::Absent);
        let dir = self.shared.dir(server).filter(|_| here).ok_or_else(|| absent(server))?;
        let limit = self.shared.config.console_limit;
        let read = spawn_blocking(move || console::read(&dir.file("console.log"), tail, limit));
        read.await.doing("reading a console log")?.doing("reading a console log")
    }

    async fn vnc(&self, server: &ServerId) -> Result<VncEndpoint> {
        self.live(server)?;
        let dir = self.shared.dir(server).ok_or_else(|| absent(server))?;
        Ok(VncEndpoint::Unix(dir.vnc()))
    }

    async fn stats(&self, server: &ServerId) -> Result<VmStats> {
        vm::stats(&self.live(server)?).await
    }

    fn events(&self) -> broadcast::Receiver<VmEvent> {
        self.shared.events.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{eventually, plain_spec};

    /// A panic in one VM's task is an unknown outcome for one call; the guest runs on and is served again.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panicking_task_is_replaced() {
        if std::env::var_os("TSTACK_NO_QEMU").is_some() {
            return;
        }
        let state = tempfile::tempdir().unwrap();
        let acceleration = Acceleration::Tcg;
        let config = QemuConfig { acceleration, cgroup: "tstack-test-panic".into(), ..QemuConfig::new(state.path()) };
        let qemu = Qemu::open(config).await.unwrap();
        let (spec, fence) = (plain_spec(), Fence { generation: 1 });
        qemu.start(&spec, fence).await.unwrap();
        let panics = qemu.call::<(), _>(&spec.server, Urgency::Patient, |_| Box::pin(async { panic!("as ordered") }));
        assert!(panics.await.unwrap_err().is(kernel::Kind::Unavailable));
        let mut events = qemu.events();
        let handle = || qemu.shared.registry.lock().vms[&spec.server].clone();
        // Nobody calls: the successor comes by itself, and watches the guest.
        eventually("the end of the task", async || handle().jobs.is_closed()).await;
        eventually("a successor", async || !handle().jobs.is_closed()).await;
        qemu.pause(&spec.server, fence).await.unwrap();
        let pid = handle().published.borrow().live.as_ref().unwrap().pid;
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL)
            .unwrap();
        assert_eq!(events.recv().await.unwrap(), VmEvent { server: spec.server.clone(), state: VmState::Crashed });
        qemu.destroy(&spec.server, fence).await.unwrap();
        for parent in ["/sys/fs/cgroup/cpu/tstack-test-panic", "/sys/fs/cgroup/tstack-test-panic.slice"] {
            let _ = fs::remove_dir(parent);
        }
    }
}
