//! What compute asks of a host: the [`Hypervisor`] that runs guests and the [`LocalDisks`] under them.
//!
//! Both run inside the agent, next to the guests. Members never call them: they write *intent* (`model::vm::VmIntent`), the
//! agent makes it so and reports what it saw.
//!
//! ```text
//!            start                 guest powers off / stop
//!   Absent ────────▶ Running ───────────────────────────▶ Shutdown ──start──▶ Running
//!     ▲                │  ▲ resume                            │
//!     │          pause │  │                                   │
//!     │                ▼  │                                   │
//!     │              Paused            process died: Crashed ─┤ (start works again)
//!     │                              suspend: Suspended ──┘ (start goes on where it was; stop and reboot forget where)
//!     └──────────────────── destroy (from any state) ──────────┘        (to another host: `live`)
//! ```
//!
//! Invariants every driver keeps (the conformance suite `drivers_virt::conformance` checks them):
//! - every call is idempotent: asking for what already is so is `Ok`;
//! - a guest outlives the process that started it, and [`Hypervisor::list`] of a new driver finds it again untouched;
//! - a call with an older [`Fence::generation`] than one seen for that server is refused with `Conflict`;
//! - `destroy` leaves no process, socket or file of the server behind, disks of [`LocalDisks`] and volumes excepted;
//! - device ids and addresses are explicit: the same spec gives the same guest hardware on every start and every host.

mod agent;
mod disks;
mod hardware;
mod limits;
mod live;
mod tpm;
pub use agent::{GuestAgent, Quiesce, not_quiesced};
pub use disks::DiskMoves;
pub use hardware::{
    Choice, GuestSystem, Hardware, InputBus, Package, RngRate, ScsiModel, UsbModel, Video, VideoModel, WatchdogAction,
};
pub use limits::{Room, VmLimits};
pub use live::{CallOff, Landing, LiveMigration, Progress, Sent, Stage, Then, Travel};
pub use tpm::{Tpm, TpmModel, TpmVersion};

use async_trait::async_trait;
use kernel::{ImageId, NetworkId, PortId, Result, ServerId, VolumeId};
use ports::{CellFit, HostCell, KeyBytes, Load};
pub use ports::{ClientCache, IoLimits};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::sync::broadcast;

/// The right to touch a server's guest: generations are taken from the server's record and only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    pub generation: u64,
}

/// Everything that decides what hardware a guest sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmSpec {
    pub server: ServerId,
    /// The display name, for process lists only.
    pub name: String,
    pub vcpus: u32,
    pub memory_mib: u64,
    pub machine: Machine,
    /// Which one of them exactly, as QEMU calls it: `pc-q35-7.2`. `None`: what the driver took before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_type: Option<String>,
    pub firmware: Firmware,
    /// QEMU's `-cpu`; `None`: the driver's best for its acceleration.
    pub cpu_model: Option<String>,
    pub disks: Vec<Disk>,
    pub nics: Vec<Nic>,
    pub config_drive: Option<ConfigDrive>,
    /// Share of CPU relative to other guests (1024 per vCPU is usual) and a hard quota; enforced by the VM's cgroup.
    pub cpu_shares: Option<u64>,
    /// Thousandths of a core, all vCPUs together.
    pub cpu_quota_milli: Option<u64>,
    /// Where on the host's NUMA cells the guest's vCPUs and memory are: its own NUMA nodes, in order. Empty: it has none, and runs
    /// wherever the host's kernel puts it.
    #[serde(default)]
    pub cells: Vec<CellFit>,
    /// How far it may be reshaped while it runs; `None`: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Room>,
    /// `hw_qemu_guest_agent`
    pub guest_agent: bool,
    pub rng: bool,
    #[serde(default)]
    pub hardware: Hardware,
}

impl VmSpec {
    /// vCPUs that there are places for.
    pub fn most_vcpus(&self) -> u32 {
        self.room.map_or(self.vcpus, |room| room.most_vcpus)
    }

    /// What of it [`Hypervisor::reshape`] changes while the guest runs: all else is as it was started.
    #[must_use]
    pub fn shaped_as(&self, other: &Self) -> Self {
        let Self { vcpus, memory_mib, cpu_shares, cpu_quota_milli, .. } = *other;
        Self { vcpus, memory_mib, cpu_shares, cpu_quota_milli, ..self.clone() }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Machine {
    #[default]
    Pc,
    Q35,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    #[default]
    Bios,
    Uefi,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// QEMU's device id: `root`, `swap`, `eph0`, or `vol-<volume id>`. Unique in the guest, stable over its life.
    pub id: String,
    pub source: DiskSource,
    pub bus: DiskBus,
    /// What the guest reads in `/sys/block/*/serial` (virtio cuts it to 20 characters).
    pub serial: String,
    /// Position in the boot order, lowest first; `None`: not bootable.
    pub boot_index: Option<u32>,
    pub read_only: bool,
    /// The device's slot, chosen once by compute; the driver maps it to a PCI address.
    pub slot: u8,
    pub volume: Option<VolumeId>,
    pub io: IoLimits,
    #[serde(default)]
    pub encryption: DiskEncryption,
}

/// How a disk's blocks are to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DiskEncryption {
    #[default]
    None,
    /// LUKS. The key is needed where the disk is opened, and written down nowhere: what was read again has none.
    Luks {
        #[serde(skip)]
        key: Option<KeyBytes>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DiskSource {
    /// An absolute path on this host.
    File { path: PathBuf, format: DiskFormat },
    /// An NBD export on a Unix socket of this host.
    NbdUnix { socket: PathBuf, export: String },
    /// An NBD export on another host.
    NbdTcp { host: String, port: u16, export: String },
    /// An image of a Ceph cluster; `conf` leads to the keyring of `user`.
    Rbd {
        pool: String,
        namespace: Option<String>,
        image: String,
        user: String,
        conf: PathBuf,
        #[serde(default)]
        cache: ClientCache,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    Raw,
    Qcow2,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskBus {
    #[default]
    Virtio,
    Scsi,
    Ide,
    Sata,
    Usb,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nic {
    pub port: PortId,
    pub network: NetworkId,
    pub mac: String,
    pub mtu: u32,
    /// The tap's name on the host, at most 15 characters; made and plugged by the host's network driver.
    pub tap: String,
    pub slot: u8,
    /// `hw_vif_model`; `virtio` unless an image says otherwise.
    pub model: String,
    /// For the metadata service, which knows a guest by network and source address.
    pub addresses: Vec<IpAddr>,
}

/// The files of a config drive (ISO 9660, label `config-2`): path and content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigDrive {
    pub files: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmState {
    Absent,
    Running,
    Paused,
    /// The guest powered itself off, or was stopped.
    Shutdown,
    /// The process ended without the guest having shut down.
    Crashed,
    /// Its memory is saved on the host's disk; no process.
    Suspended,
    /// It runs on another host, from which it is awaited.
    Arriving,
}

impl VmState {
    /// The guest has a process of its own here, whether or not it stands still.
    pub const fn is_on(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmStatus {
    pub server: ServerId,
    pub state: VmState,
    /// The newest generation the driver has acted under for this server.
    pub generation: u64,
    /// Ids of disks and ports now in the guest.
    pub disks: Vec<String>,
    pub ports: Vec<PortId>,
}

/// A device's place as the guest's operating system names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestAddress {
    /// `pci`, `scsi`, `ide`.
    pub bus: &'static str,
    /// `0000:00:08.0`; of SCSI controller, bus, target and unit, `0:0:3:0`; of IDE cable and unit.
    pub address: String,
}

/// A change seen by the driver itself (guest powered off, process died), not asked for by a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmEvent {
    pub server: ServerId,
    pub state: VmState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopMode {
    /// ACPI power button, then force when the time is over.
    Graceful {
        timeout: Duration,
    },
    Force,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RebootMode {
    Soft { timeout: Duration },
    Hard,
}

/// What a host can do, reported when its agent connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCapabilities {
    /// `QEMU` or `fake`.
    pub hypervisor_type: String,
    /// QEMU's version as Nova's integer: 7002022 for 7.2.22.
    pub hypervisor_version: u32,
    /// `kvm`, `tcg` or `fake`
    pub acceleration: String,
    pub vcpus: u32,
    pub memory_mib: u64,
    pub disk_gib: u64,
    pub cpu_model: String,
    pub arch: String,
    #[serde(default)]
    pub processors: Processors,
    #[serde(default)]
    pub cells: Vec<HostCell>,
    /// What processors guests find here: a guest that runs goes only to a host with the same. Empty: not known.
    #[serde(default)]
    pub guest_cpu: String,
    /// What it can do that other hosts cannot, in placement's words.
    #[serde(default)]
    pub traits: BTreeSet<String>,
    /// The machines that guests can be here: each word for one (`q35`, `pc-q35-7.2`), and which it stands for exactly. Empty: not known.
    #[serde(default)]
    pub machines: BTreeMap<String, String>,
}

/// A host's processors as its kernel tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processors {
    /// `AuthenticAMD`; empty where the kernel names none.
    pub vendor: String,
    /// `/proc/cpuinfo`'s flags.
    pub features: Vec<String>,
    pub sockets: u32,
    /// Of a socket.
    pub cores: u32,
    /// Of a core.
    pub threads: u32,
}

/// Where a guest's VNC server listens on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VncEndpoint {
    Unix(PathBuf),
    /// For drivers without one (fake): there is nothing to connect to.
    None,
}

/// Tail of a console log: `lines` from its end, or all that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    All,
    Lines(usize),
}

/// Counters of a running guest, since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmStats {
    pub uptime_seconds: u64,
    pub cpu_time_ns: Vec<u64>,
    pub memory_max_kib: u64,
    pub memory_used_kib: u64,
    /// id, read requests, read bytes, write requests, write bytes
    pub disks: Vec<(String, u64, u64, u64, u64)>,
}

#[async_trait]
pub trait Hypervisor: LiveMigration + DiskMoves + GuestAgent {
    async fn capabilities(&self) -> Result<HostCapabilities>;

    /// How busy the host is, by measurement since it was last asked.
    async fn load(&self) -> Result<Load>;

    /// Where a guest of this hardware finds its disks (by id) and network interfaces (by port).
    fn addresses(&self, spec: &VmSpec) -> BTreeMap<String, GuestAddress>;

    /// Every guest this driver knows on this host, re-adopted ones included.
    async fn list(&self) -> Result<Vec<VmStatus>>;

    async fn status(&self, server: &ServerId) -> Result<VmStatus>;

    /// Starts the guest, or does nothing if it runs. The spec is remembered for reboot and re-adoption. A suspended guest goes on
    /// where it was, in the hardware that it had.
    async fn start(&self, spec: &VmSpec, fence: Fence) -> Result<()>;

    async fn stop(&self, server: &ServerId, mode: StopMode, fence: Fence) -> Result<()>;

    /// A hard reboot takes the hardware of `spec`; a soft one falls back to a hard one when its time is over.
    async fn reboot(&self, spec: &VmSpec, mode: RebootMode, fence: Fence) -> Result<()>;

    async fn pause(&self, server: &ServerId, fence: Fence) -> Result<()>;
    async fn resume(&self, server: &ServerId, fence: Fence) -> Result<()>;

    /// Saves the guest's memory on the host's disk and ends its process.
    async fn suspend(&self, server: &ServerId, fence: Fence) -> Result<()>;

    /// Ends the guest and removes everything the driver keeps of it.
    async fn destroy(&self, server: &ServerId, fence: Fence) -> Result<()>;

    async fn attach_disk(&self, server: &ServerId, disk: &Disk, fence: Fence) -> Result<()>;

    /// Returns when the guest has let the device go; `Conflict` if it does not within the driver's patience.
    async fn detach_disk(&self, server: &ServerId, disk_id: &str, fence: Fence) -> Result<()>;

    /// Gives a guest that runs the vCPUs and the memory of `spec`, within the room that it was started with, and its share of CPU.
    /// What the guest cannot be given, or does not give back, is refused with `Conflict`; then it has what it had.
    async fn reshape(&self, spec: &VmSpec, fence: Fence) -> Result<()>;

    /// What a guest that runs is held to, as the kernel and the hypervisor tell.
    async fn limits(&self, server: &ServerId) -> Result<VmLimits>;

    /// Gives a disk that is attached the limits it has in `disk`, at once if the guest runs.
    async fn limit_disk(&self, server: &ServerId, disk: &Disk, fence: Fence) -> Result<()>;
    async fn attach_nic(&self, server: &ServerId, nic: &Nic, fence: Fence) -> Result<()>;
    async fn detach_nic(&self, server: &ServerId, port: &PortId, fence: Fence) -> Result<()>;

    /// A consistent copy of a disk as it is now, as a standalone qcow2 at `to`; the guest goes on running.
    async fn copy_disk(&self, server: &ServerId, disk_id: &str, to: &std::path::Path, quiesce: Quiesce) -> Result<()>;

    /// Tells a running guest that a disk behind it has grown.
    async fn resize_disk(&self, server: &ServerId, disk_id: &str, size_bytes: u64) -> Result<()>;

    /// A non-maskable interrupt, by which most guests dump their kernel's memory.
    async fn inject_nmi(&self, server: &ServerId) -> Result<()>;

    async fn console_log(&self, server: &ServerId, tail: Tail) -> Result<String>;
    async fn vnc(&self, server: &ServerId) -> Result<VncEndpoint>;
    async fn stats(&self, server: &ServerId) -> Result<VmStats>;

    fn events(&self) -> broadcast::Receiver<VmEvent>;
}

/// An image as a host needs it: which bytes, and how to check that they are those.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    pub image: ImageId,
    /// `qcow2`, `raw`, …: Glance's `disk_format`.
    pub disk_format: String,
    pub size: u64,
    /// Hex digest of the stored bytes and its algorithm (`sha512`): the cache's key and check.
    pub hash: String,
    pub hash_algo: String,
}

/// Brings an image's bytes to this host; implemented by the agent (from the member, or the local store).
#[async_trait]
pub trait ImageFetch: Send + Sync + 'static {
    async fn fetch(&self, image: &ImageSource, to: &std::path::Path) -> Result<()>;
}

/// A disk to make on this host's own storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalDiskSpec {
    pub server: ServerId,
    /// `root`, `swap`, `eph0`
    pub name: String,
    pub size_bytes: u64,
    pub base: Option<ImageSource>,
}

/// An image that lies on a host unpacked: a disk over it is made in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedImage {
    pub hash: String,
    pub hash_algo: String,
    /// What it was read as: `qcow2`, `raw`, …
    pub format: String,
    /// Bytes that it takes on the host's disk.
    pub size: u64,
    /// Disks made over it since the driver began.
    pub hits: u64,
    /// Seconds since 1970.
    pub made_at: u64,
    pub used_at: u64,
}

/// The disks that live with the host (not volumes). Implemented by `drivers_blk`: a cache of images, a qcow2 overlay per
/// server. Nothing is handed to a guest that has not passed the image service's format inspection.
#[async_trait]
pub trait LocalDisks: Send + Sync + 'static {
    /// Makes the disk if it is not there; never touches one that is. Returns where it lies.
    async fn create(&self, disk: &LocalDiskSpec, fetch: Arc<dyn ImageFetch>) -> Result<DiskSource>;

    /// Removes all local disks of a server; `Ok` if there are none.
    async fn remove(&self, server: &ServerId) -> Result<()>;

    /// Makes a disk of a standalone qcow2, as large as `disk` says or larger; never touches one that is there.
    async fn adopt(&self, disk: &LocalDiskSpec, from: &std::path::Path) -> Result<()>;

    /// Removes those local disks of a server that are not named.
    async fn keep_only(&self, server: &ServerId, names: &[String]) -> Result<()>;

    /// A standalone qcow2 of a disk whose guest does not run.
    async fn export(&self, server: &ServerId, name: &str, to: &std::path::Path) -> Result<()>;

    /// Servers with local disks here, for the audit.
    async fn list(&self) -> Result<Vec<ServerId>>;

    /// Brings an image to this host, for the disks to come. `Ok` if it is here.
    async fn cache(&self, image: &ImageSource, fetch: Arc<dyn ImageFetch>) -> Result<()>;

    /// The images that are kept for further disks.
    async fn cached(&self) -> Result<Vec<CachedImage>>;

    /// Stops keeping an image: it goes at once, or with the last disk over it.
    async fn uncache(&self, image: &ImageSource) -> Result<()>;

    /// Removes what has no disk over it and was not used for as long as the host is configured to keep such images, or is no
    /// longer kept. Returns what went.
    async fn prune(&self) -> Result<Vec<CachedImage>>;

    /// A place for temporary files on the same file system.
    fn scratch(&self) -> PathBuf;
}
