//! The suite that every [`Hypervisor`] passes, the real one and the fake alike.
//!
//! A driver's tests make a [`Bench`] — the driver, the host under it, and a hand inside the guest — and call
//! [`conformance!`](crate::conformance), which makes one test of each case. Cases wait for conditions, never for time; only
//! patience is counted in seconds, generously.

mod devices;
pub mod disks;
mod hardware;
mod live;
mod moving;
mod power;
mod shape;
mod survival;
mod tpm;

pub use devices::*;
pub use hardware::*;
pub use live::*;
pub use moving::*;
pub use power::*;
pub use shape::*;
pub use survival::*;
pub use tpm::*;

use async_trait::async_trait;
use compute::driver::*;
use kernel::{HostName, Kind, PortId, Result, ServerId};
use std::{future::Future, path::Path, sync::Arc, time::Duration};
use tokio::{
    sync::broadcast,
    time::{Instant, sleep, timeout},
};

/// How long a case waits for what must come. Machines are busy.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What a guest does when it is asked to power off or to let a device go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    Obeys,
    /// It hears nothing, as while it boots or hangs.
    Deaf,
}

#[async_trait]
pub trait Bench: Send + Sync {
    /// The driver as it is open now.
    fn driver(&self) -> Arc<dyn Hypervisor>;

    /// Ends the driver, not the guests, and opens another on the same host. In between, `meanwhile` happens to the guests.
    async fn reopen(&self, meanwhile: &[Meanwhile<'_>]);

    /// A new server with one disk `root` in slot 0 and one nic in slot 0. Its guest writes `BOOTED` on its console at each boot
    /// if it obeys.
    async fn spec(&self, manners: Manners) -> VmSpec;

    /// A further disk and nic for such a guest; the nic's tap is of the kind that its hardware asks for.
    async fn disk(&self, spec: &VmSpec, slot: u8) -> Disk;
    async fn nic(&self, spec: &VmSpec, slot: u8) -> Nic;

    /// A further disk whose bytes are encrypted with this key. What it says of its encryption is the case's.
    async fn encrypted_disk(&self, spec: &VmSpec, slot: u8, key: &ports::KeyBytes) -> Disk;

    /// A TPM for a guest that has had none, with its passphrase.
    async fn tpm(&self, spec: &VmSpec, version: TpmVersion, model: TpmModel) -> Tpm;

    /// The driver of another host, and a guest's spec there: its volumes are the same, its own disks are empty ones of the same size.
    async fn other(&self) -> Arc<dyn Hypervisor>;
    async fn twin(&self, spec: &VmSpec) -> VmSpec;

    /// This host's name.
    fn name(&self) -> HostName;

    /// The agent in a running guest is there from now on, and holds file systems when it is told to.
    async fn agent(&self, server: &ServerId);
    async fn is_held(&self, server: &ServerId) -> bool;

    /// The guest powers off of its own will.
    async fn power_off(&self, server: &ServerId);

    /// The guest's process dies.
    async fn crash(&self, server: &ServerId);

    /// The running guest's machine (`machine pc-q35-7.2`), its TPM (`tpm Crb`), the devices in it and their places.
    async fn hardware(&self, server: &ServerId) -> Vec<String>;

    /// The pairs of queues that an interface of the running guest has.
    async fn queues(&self, server: &ServerId, port: &PortId) -> u32;

    /// Whatever of the server is on the host: processes, sockets, files.
    async fn leftovers(&self, server: &ServerId) -> Vec<String>;

    /// A directory of the host's.
    fn scratch(&self) -> &Path;
}

/// What happens to a guest while no driver is there.
#[derive(Clone, Copy, Debug)]
pub enum Meanwhile<'a> {
    PowersOff(&'a ServerId),
    Crashes(&'a ServerId),
}

/// What an obeying guest says on its console when it is up.
pub const BOOTED: &str = "guest is up";

/// Makes a test of each case. `$bench` is an expression that makes a fresh bench; it may await.
#[macro_export]
macro_rules! conformance {
    ($bench:expr) => {
        $crate::conformance!($bench;
            lifecycle, wrong_states, fences, graceful_stop, stop_of_a_deaf_guest, patience_ends_for_destroy,
            guest_powers_off, guest_crashes, suspended_and_woken, soft_reboot, hard_reboot, refused_spec_leaves_nothing, console,
            disks_come_and_go, encrypted_disks_need_their_key, disks_go_elsewhere, disks_stay_where_they_are, encrypted_disks_go_elsewhere, nics_come_and_go, devices_of_a_stopped_guest, deaf_guest_keeps_its_device, same_hardware,
            copy_of_a_disk, file_systems_at_rest, goes_to_another_host, goes_and_stands_still, stays_where_it_is, awaited_in_vain, counters, takes_another_shape, goes_in_another_shape, limits_come_and_go, chosen_hardware, the_very_same_machine, interfaces_of_several_queues, tpms, a_tpm_goes_along, readopted_untouched, readopted_after_changes,
        );
    };
    ($bench:expr; $($case:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let bench = $bench;
            $crate::conformance::$case(&bench).await;
        }
    )+};
}

/// A spec without disks and nics, for tests of what does not look at them.
pub fn plain_spec() -> VmSpec {
    VmSpec {
        server: ServerId::new(),
        name: "conformance".into(),
        vcpus: 1,
        memory_mib: 32,
        machine: Machine::Pc,
        machine_type: None,
        firmware: Firmware::Bios,
        cpu_model: None,
        disks: Vec::new(),
        nics: Vec::new(),
        config_drive: None,
        cpu_shares: None,
        cpu_quota_milli: None,
        cells: Vec::new(),
        room: None,
        guest_agent: false,
        rng: false,
        hardware: Hardware::default(),
    }
}

pub(crate) const fn fence(generation: u64) -> Fence {
    Fence { generation }
}

pub(crate) const GRACEFUL: StopMode = StopMode::Graceful { timeout: PATIENCE };

/// Waits until `holds`.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn state(bench: &dyn Bench, server: &ServerId) -> VmState {
    bench.driver().status(server).await.unwrap().state
}

/// Both `status` and `list` say so.
pub(crate) async fn assert_state(bench: &dyn Bench, server: &ServerId, expect: VmState) {
    let status = bench.driver().status(server).await.unwrap();
    assert_eq!(status.state, expect);
    let listed = bench.driver().list().await.unwrap().into_iter().find(|s| &s.server == server);
    assert_eq!(listed, Some(status).filter(|s| s.state != VmState::Absent), "list and status disagree");
}

/// Waits until the guest has said `times` times that it is up.
pub(crate) async fn booted(bench: &dyn Bench, server: &ServerId, times: usize) {
    eventually(&format!("boot number {times}"), async || boots(bench, server).await >= times).await;
}

pub(crate) async fn boots(bench: &dyn Bench, server: &ServerId) -> usize {
    bench.driver().console_log(server, Tail::All).await.unwrap().matches(BOOTED).count()
}

/// The next event of a server.
pub(crate) async fn event(events: &mut broadcast::Receiver<VmEvent>, server: &ServerId) -> VmState {
    let next = async {
        loop {
            let event = events.recv().await.unwrap();
            if &event.server == server {
                return event.state;
            }
        }
    };
    timeout(PATIENCE, next).await.expect("an event")
}

pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T>, kind: Kind) {
    let e = outcome.expect_err("this must be refused");
    assert_eq!(e.kind(), kind, "{e:?}");
}

/// A guest of good manners, started at generation 1 and booted.
pub(crate) async fn running(bench: &dyn Bench) -> VmSpec {
    let spec = bench.spec(Manners::Obeys).await;
    bench.driver().start(&spec, fence(1)).await.unwrap();
    booted(bench, &spec.server, 1).await;
    spec
}

/// Ends a case: nothing of the server may be left.
pub(crate) async fn destroy(bench: &dyn Bench, server: &ServerId) {
    let generation = bench.driver().status(server).await.unwrap().generation;
    bench.driver().destroy(server, fence(generation)).await.unwrap();
    assert_state(bench, server, VmState::Absent).await;
    assert_eq!(bench.leftovers(server).await, Vec::<String>::new());
}
