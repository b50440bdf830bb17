//! The fake host: its guests, its clock, its ill luck. What a test does to it happens to the guests, not through the driver.

use super::{
    guest::{self, Guest},
    rules::{self, After, Call, Rule},
    screen::Screen,
};
use crate::qemu::machine::{check_machine, tpm};
use compute::driver::{Fence, HostCapabilities, Processors, Tpm, VmEvent, VmSpec, VmState, VmStatus, VncEndpoint};
use kernel::{Clock, Error, PortId, Result, ServerId, SystemClock, Timestamp, error::Doing, faults::Ill};
use parking_lot::Mutex;
use ports::{HostCell, Load};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{
    sync::{OwnedMutexGuard, broadcast, watch},
    time::sleep,
};

/// How the host behaves when nothing goes wrong.
#[derive(Clone, Debug)]
pub struct FakeSettings {
    pub capabilities: HostCapabilities,
    /// How busy the host says it is.
    pub load: Load,
    /// From start to the line on the console that says so.
    pub boot_time: Duration,
    /// From the power button to off.
    pub shutdown_time: Duration,
    /// How long a disk's copy takes.
    pub copy_time: Duration,
}

/// Half of the host's processors and memory.
fn cell(id: u32) -> HostCell {
    HostCell { id, shared: (id * 32..(id + 1) * 32).collect(), memory_mib: 128 << 10, ..HostCell::default() }
}

/// The last two of each kind.
fn machines() -> BTreeMap<String, String> {
    let newest = [("pc", "pc-i440fx-7.2"), ("q35", "pc-q35-7.2")];
    let all = ["pc-i440fx-6.2", "pc-i440fx-7.2", "pc-q35-6.2", "pc-q35-7.2"].map(|name| (name, name));
    newest.into_iter().chain(all).map(|(word, machine)| (word.to_owned(), machine.to_owned())).collect()
}

/// Any TPM that there is: it takes but paper.
const TPMS: [&str; 6] = [
    "COMPUTE_SECURITY_TPM_1_2",
    "COMPUTE_SECURITY_TPM_2_0",
    "COMPUTE_SECURITY_TPM_TIS",
    "COMPUTE_SECURITY_TPM_CRB",
    "COMPUTE_SECURITY_TPM_SECRET_SECURITY_USER",
    "COMPUTE_SECURITY_TPM_SECRET_SECURITY_HOST",
];

impl Default for FakeSettings {
    fn default() -> Self {
        Self {
            capabilities: HostCapabilities {
                hypervisor_type: "fake".into(),
                hypervisor_version: 1000,
                acceleration: "fake".into(),
                vcpus: 64,
                memory_mib: 256 << 10,
                disk_gib: 4 << 10,
                cpu_model: "fake".into(),
                arch: std::env::consts::ARCH.into(),
                processors: Processors { cores: 64, sockets: 1, threads: 1, ..Processors::default() },
                cells: (0..2).map(cell).collect(),
                guest_cpu: "fake".into(),
                traits: TPMS.map(str::to_owned).into(),
                machines: machines(),
            },
            load: Load::default(),
            boot_time: Duration::ZERO,
            shutdown_time: Duration::ZERO,
            copy_time: Duration::ZERO,
        }
    }
}

pub struct FakeHost {
    settings: FakeSettings,
    clock: Arc<dyn Clock>,
    /// Where guests are kept beyond this process.
    directory: Option<PathBuf>,
    inner: Mutex<Inner>,
    events: broadcast::Sender<VmEvent>,
    /// Opened when somebody first wants to look.
    screen: Mutex<Option<Screen>>,
}

#[derive(Default)]
struct Inner {
    guests: HashMap<ServerId, Guest>,
    /// Generations seen of servers that have no guest.
    gone: HashMap<ServerId, u64>,
    deaf: HashSet<ServerId>,
    rules: Vec<Rule>,
    /// Who waits for a turn; forgotten when nobody does.
    turns: HashMap<ServerId, Weak<Turn>>,
}

/// One server's queue: a fair lock, and how many urgent calls wait in it.
struct Turn {
    lock: Arc<tokio::sync::Mutex<()>>,
    urgent: watch::Sender<usize>,
}

/// Held while a call changes a server.
pub(crate) struct Held {
    _guard: OwnedMutexGuard<()>,
    _turn: Arc<Turn>,
}

/// Counted while an urgent call waits.
pub(crate) struct Hurry(Arc<Turn>);

impl Drop for Hurry {
    fn drop(&mut self) {
        self.0.urgent.send_modify(|n| *n -= 1);
    }
}

impl FakeHost {
    pub fn new(settings: FakeSettings) -> Arc<Self> {
        Arc::new(Self::empty(settings, None, SystemClock::shared()))
    }

    /// A host whose time is the test's.
    pub fn with_clock(settings: FakeSettings, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self::empty(settings, None, clock))
    }

    /// A host that keeps its guests in `directory`, and has those that it finds there.
    pub fn at(directory: impl Into<PathBuf>, settings: FakeSettings) -> Result<Arc<Self>> {
        let directory = directory.into();
        fs::create_dir_all(&directory).doing("making the fake host's directory")?;
        let mut guests = HashMap::new();
        for entry in fs::read_dir(&directory).doing("reading the fake host's guests")? {
            let path = entry.doing("reading the fake host's guests")?.path();
            if path.extension().is_some_and(|e| e == "json") {
                let text = fs::read(&path).doing("reading a fake guest")?;
                let guest: Guest = serde_json::from_slice(&text).doing("understanding a fake guest")?;
                guests.insert(guest.spec.server.clone(), guest);
            }
        }
        let host = Self::empty(settings, Some(directory), SystemClock::shared());
        host.inner.lock().guests = guests;
        Ok(Arc::new(host))
    }

    fn empty(settings: FakeSettings, directory: Option<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            clock,
            directory,
            inner: Mutex::default(),
            events: broadcast::channel(65_536).0,
            screen: Mutex::default(),
        }
    }

    /// Lets something go wrong. Earlier rules come first.
    pub fn rule(&self, rule: Rule) {
        self.inner.lock().rules.push(rule);
    }

    pub fn clear_rules(&self) {
        self.inner.lock().rules.clear();
    }

    /// The guest's process dies.
    pub fn crash(&self, server: &ServerId) {
        self.becomes(server, VmState::Crashed);
    }

    /// The guest powers off of its own will.
    pub fn power_off(&self, server: &ServerId) {
        self.becomes(server, VmState::Shutdown);
    }

    /// From now on, and also if it is only started later, the guest does not boot to its end, does not hear its power button
    /// and keeps its devices.
    pub fn deafen(&self, server: &ServerId) {
        let mut inner = self.inner.lock();
        inner.deaf.insert(server.clone());
        if let Some(guest) = inner.guests.get_mut(server) {
            guest.deaf = true;
        }
    }

    /// The machine that a guest is, if its spec names one.
    pub fn machine_of(&self, server: &ServerId) -> Option<String> {
        let word = self.see(server, |guest| guest?.spec.machine_type.clone())?;
        self.settings.capabilities.machines.get(&word).cloned()
    }

    /// The pairs of queues of a guest's interface.
    pub fn queues_of(&self, server: &ServerId, port: &PortId) -> Option<u32> {
        let of = |guest: &Guest| {
            let nic = guest.spec.nics.iter().find(|nic| nic.port == *port)?;
            Some(guest.spec.hardware.queues_of(&nic.model))
        };
        self.see(server, |guest| of(guest?))
    }

    /// The TPM that a guest has.
    pub fn tpm_of(&self, server: &ServerId) -> Option<Tpm> {
        self.see(server, |guest| guest?.spec.hardware.tpm.clone())
    }

    /// Whether a guest's agent holds its file systems.
    pub fn is_held(&self, server: &ServerId) -> bool {
        let now = self.clock.now();
        self.see(server, |guest| guest.is_some_and(|g| g.held.is_some_and(|until| now < until)))
    }

    /// Whether a guest can be made of this here.
    pub(crate) fn check(&self, spec: &VmSpec) -> Result<()> {
        check_machine(spec, &self.settings.capabilities.machines)?;
        tpm::check(spec, &self.settings.capabilities.traits)?;
        guest::check(spec)
    }

    /// Forgets everything, as a host whose disk was replaced.
    pub fn lose_everything(&self) {
        let servers: Vec<_> = self.inner.lock().guests.drain().map(|(server, _)| server).collect();
        for server in &servers {
            // Nothing to do about a file that cannot be removed: the loss is a test's wish.
            let _ = self.keep(server, None);
        }
    }

    fn becomes(&self, server: &ServerId, state: VmState) {
        let mut inner = self.inner.lock();
        if let Some(guest) = inner.guests.get_mut(server).filter(|g| g.is_alive()) {
            guest.state = state;
            let kept = self.keep(server, Some(guest));
            debug_assert!(kept.is_ok(), "{kept:?}");
            // Nobody listening is fine: no driver may be there.
            let _ = self.events.send(VmEvent { server: server.clone(), state });
        }
    }

    pub(crate) fn settings(&self) -> &FakeSettings {
        &self.settings
    }
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
    /// The one screen of all guests; a host without a directory has none.
    pub(crate) fn screen(&self) -> Result<VncEndpoint> {
        let Some(directory) = &self.directory else { return Ok(VncEndpoint::None) };
        let mut screen = self.screen.lock();
        if screen.is_none() {
            *screen = Some(Screen::open(directory)?);
        }
        Ok(screen.as_ref().map_or(VncEndpoint::None, |screen| VncEndpoint::Unix(screen.socket.clone())))
    }
    pub(crate) fn events(&self) -> broadcast::Receiver<VmEvent> {
        self.events.subscribe()
    }

    /// What the rules have for a call, before it does anything.
    pub(crate) async fn meet(&self, call: Call, server: Option<&ServerId>) -> Result<After> {
        let ill = Rule::take(&mut self.inner.lock().rules, call, server);
        match ill {
            None => Ok(After::Nothing),
            Some(Ill::Fails(e)) => Err(e),
            Some(Ill::LostBefore) => Err(rules::unknown()),
            Some(Ill::LostAfter) => Ok(After::Lost),
            Some(Ill::Late(by)) => {
                sleep(by).await;
                Ok(After::Nothing)
            }
            Some(Ill::Hangs) => std::future::pending().await,
        }
    }

    fn turns(&self, server: &ServerId) -> Arc<Turn> {
        let mut inner = self.inner.lock();
        if let Some(turn) = inner.turns.get(server).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Turn { lock: Arc::default(), urgent: watch::Sender::new(0) });
        inner.turns.insert(server.clone(), Arc::downgrade(&turn));
        if inner.turns.len().is_power_of_two() {
            inner.turns.retain(|_, t| t.strong_count() > 0);
        }
        turn
    }

    pub(crate) async fn turn(&self, server: &ServerId) -> Held {
        let turn = self.turns(server);
        Held { _guard: turn.lock.clone().lock_owned().await, _turn: turn }
    }

    pub(crate) fn hurry(&self, server: &ServerId) -> Hurry {
        let turn = self.turns(server);
        turn.urgent.send_modify(|n| *n += 1);
        Hurry(turn)
    }

    /// Returns when an urgent call waits for this server.
    pub(crate) async fn hurried(&self, server: &ServerId) {
        let turn = self.turns(server);
        let _ = turn.urgent.subscribe().wait_for(|n| *n > 0).await;
    }

    pub(crate) fn check_fence(&self, server: &ServerId, fence: Fence) -> Result<()> {
        self.inner.lock().check_fence(server, fence)
    }

    /// Changes one guest, or nothing.
    pub(crate) fn alter(
        &self,
        server: &ServerId,
        fence: Option<Fence>,
        change: impl FnOnce(&mut Option<Guest>) -> Result<()>,
    ) -> Result<()> {
        let mut inner = self.inner.lock();
        if let Some(fence) = fence {
            inner.check_fence(server, fence)?;
            match inner.guests.get_mut(server) {
                Some(guest) => guest.generation = fence.generation,
                None => drop(inner.gone.insert(server.clone(), fence.generation)),
            }
        }
        let before = inner.guests.get(server).cloned();
        let mut guest = before.clone();
        change(&mut guest)?;
        if let Some(guest) = &mut guest {
            guest.generation = inner.generation(server);
            guest.deaf |= inner.deaf.contains(server);
            if before.as_ref().is_none_or(|b| b.boots < guest.boots) {
                guest.booted_at = self.clock.now();
            }
        }
        self.keep(server, guest.as_ref())?;
        match guest {
            Some(guest) => drop(inner.guests.insert(server.clone(), guest)),
            None => {
                if let Some(gone) = inner.guests.remove(server) {
                    inner.gone.insert(server.clone(), gone.generation);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn see<T>(&self, server: &ServerId, look: impl FnOnce(Option<&Guest>) -> T) -> T {
        look(self.inner.lock().guests.get(server))
    }

    pub(crate) fn status(&self, server: &ServerId) -> VmStatus {
        let inner = self.inner.lock();
        match inner.guests.get(server) {
            Some(guest) => guest.status(),
            None => VmStatus {
                server: server.clone(),
                state: VmState::Absent,
                generation: inner.generation(server),
                disks: Vec::new(),
                ports: Vec::new(),
            },
        }
    }

    pub(crate) fn all(&self) -> Vec<VmStatus> {
        self.inner.lock().guests.values().map(Guest::status).collect()
    }

    /// Puts a guest's paper where it outlives this process. Not synced: a fake outlives kill -9, not a power cut.
    fn keep(&self, server: &ServerId, guest: Option<&Guest>) -> Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        let path = directory.join(format!("{server}.json"));
        match guest {
            Some(guest) => {
                let text = serde_json::to_vec(guest).doing("writing down a fake guest")?;
                replace(&path, &text).doing("writing down a fake guest")
            }
            None => match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).doing("removing a fake guest"),
                _ => Ok(()),
            },
        }
    }
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    fs::write(&aside, text)?;
    fs::rename(aside, path)
}

impl Inner {
    fn generation(&self, server: &ServerId) -> u64 {
        let here = self.guests.get(server).map(|g| g.generation);
        here.or_else(|| self.gone.get(server).copied()).unwrap_or_default()
    }

    fn check_fence(&self, server: &ServerId, fence: Fence) -> Result<()> {
        let newest = self.generation(server);
        if fence.generation < newest {
            let old = fence.generation;
            return Err(Error::conflict(format!(
                "server {server} is at generation {newest} here; the call is of generation {old}"
            ))
            .with_code("stale_generation"));
        }
        Ok(())
    }
}
