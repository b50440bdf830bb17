//! What an image or a flavor has chosen of a guest's hardware, besides the number of its processors, its memory, its disks and its
//! interfaces. `model::wishes` decides it; a driver makes it so.
//!
//! [`Hardware::default`] is what every guest was before there was a choice: what a spec of those days says nothing of stays as it was. So
//! no default of these types may ever change; what new guests are given instead is `model::wishes`' to say.

use super::{DiskBus, Tpm};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hardware {
    pub package: Package,
    /// The processors' performance counters.
    pub pmu: Choice,
    /// Whether processors say that they are not real ones.
    pub hypervisor_id: Choice,
    pub system: GuestSystem,
    pub watchdog: Option<WatchdogAction>,
    pub rng_rate: Option<RngRate>,
    pub video: Video,
    /// Keyboard and pointer besides those on the PS/2 ports that every guest has.
    pub keyboard: Option<InputBus>,
    pub tablet: Option<InputBus>,
    /// Serial ports besides the first, which is the console.
    pub more_serial_ports: u8,
    pub boot_menu: Choice,
    pub hpet: Choice,
    pub scsi: ScsiModel,
    /// Where the config drive's CD-ROM is; `None`: where guests of its machine have a driver for one.
    pub cdrom: Option<DiskBus>,
    pub usb: Option<UsbModel>,
    /// Rings of virtio devices in one piece.
    pub packed_rings: Choice,
    /// vCPUs that are kept waiting by nothing else on their processors.
    pub realtime: BTreeSet<u32>,
    /// Its memory, and what the hypervisor has for it, is never written out to the host's disk.
    pub locked_memory: bool,
    /// Pairs of queues that each virtio interface has, of its tap too, whether it is there at the start or comes later; `None`: one.
    pub nic_queues: Option<u32>,
    pub tpm: Option<Tpm>,
}

impl Hardware {
    /// Of an interface of this model.
    pub fn queues_of(&self, model: &str) -> u32 {
        self.nic_queues.filter(|_| model == "virtio").unwrap_or(1).max(1)
    }
}

/// What can be on, off, or as the hypervisor has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    #[default]
    Usual,
    On,
    Off,
}

impl Choice {
    /// `None`: as usual.
    pub const fn chosen(self) -> Option<bool> {
        match self {
            Self::Usual => None,
            Self::On => Some(true),
            Self::Off => Some(false),
        }
    }
}

impl From<Option<bool>> for Choice {
    fn from(chosen: Option<bool>) -> Self {
        match chosen {
            None => Self::Usual,
            Some(true) => Self::On,
            Some(false) => Self::Off,
        }
    }
}

/// One socket of a guest. It has as many of them as its processors take, and as those that it may be given while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    pub cores: u32,
    pub threads: u32,
}

impl Default for Package {
    fn default() -> Self {
        Self { cores: 1, threads: 1 }
    }
}

impl Package {
    /// Processors of one.
    pub const fn processors(self) -> u32 {
        self.cores * self.threads
    }

    /// Whether so many processors leave no socket half empty.
    pub const fn fills(self, processors: u32) -> bool {
        match self.cores.checked_mul(self.threads) {
            Some(each) if each > 0 => processors.is_multiple_of(each),
            _ => false,
        }
    }
}

/// What the guest's operating system expects of a PC: Windows, that its clock shows local time and that the hypervisor speaks as its
/// maker's does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestSystem {
    #[default]
    Other,
    Windows,
}

/// What happens to a guest that has let its watchdog wait for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WatchdogAction {
    None,
    Pause,
    Poweroff,
    Reset,
}

/// Random bytes that a guest may take in a period; QEMU's own period if it is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RngRate {
    pub bytes: u64,
    pub period_ms: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Video {
    pub model: VideoModel,
    /// `None`: what the model has of itself.
    pub ram_mib: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoModel {
    #[default]
    Vga,
    Virtio,
    Cirrus,
    Qxl,
    Vmvga,
    Bochs,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputBus {
    Usb,
    Virtio,
}

/// The controller of disks on the bus `scsi`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScsiModel {
    #[default]
    Virtio,
    LsiLogic,
    LsiSas1068,
    LsiSas1078,
    VmPvScsi,
}

/// The USB controller of a guest that is given one whether or not it has a device for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UsbModel {
    NecXhci,
    QemuXhci,
}
