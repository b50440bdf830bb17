//! The settings of the QEMU driver.

use super::cells::CpuSets;
use kernel::{HostName, Result, error::Doing};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    net::IpAddr,
    ops::RangeInclusive,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

/// How guests are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acceleration {
    /// In hardware; a start fails where that does not work.
    Kvm,
    /// In software, everywhere.
    Tcg,
    /// KVM where a kernel has been seen to boot under it, else TCG. `/dev/kvm` alone proves nothing.
    #[default]
    Auto,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    On,
    Off,
}

impl Switch {
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

/// Whether guests can have TPMs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vtpm {
    /// If the emulator is installed.
    #[default]
    Auto,
    /// A start fails where it is not.
    On,
    Off,
}

/// What `auto` boots to find out about KVM: a stock Linux kernel, such as the tinycloud image's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeKernel {
    pub kernel: PathBuf,
    pub initrd: Option<PathBuf>,
}

/// How guests go to other hosts and come from them: from QEMU to QEMU, by TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// This host, as its certificate has it.
    pub name: HostName,
    /// Where other hosts reach this one.
    pub address: IpAddr,
    pub ports: RangeInclusive<u16>,
    /// The directory of `ca.pem`, `node.pem` and `node.key`.
    pub identity: PathBuf,
}

impl Crossing {
    /// What libvirt uses too.
    pub const PORTS: RangeInclusive<u16> = 49_152..=49_407;

    /// Gives the host's certificate the names by which QEMU looks for it. Whoever renews it need not know.
    pub(super) fn name_certificates(&self, dir: &Path) -> Result<()> {
        const DOING: &str = "giving QEMU the host's certificate";
        fs::create_dir_all(dir).doing(DOING)?;
        for (name, file) in [
            ("ca-cert.pem", "ca.pem"),
            ("server-cert.pem", "node.pem"),
            ("server-key.pem", "node.key"),
            ("client-cert.pem", "node.pem"),
            ("client-key.pem", "node.key"),
        ] {
            let (link, target) = (dir.join(name), self.identity.join(file));
            if fs::read_link(&link).is_ok_and(|there| there == target) {
                continue;
            }
            let _ = fs::remove_file(&link); // there is none, or it leads elsewhere
            symlink(target, link).doing(DOING)?;
        }
        Ok(())
    }
}

/// Settings of one driver; [`QemuConfig::new`] has the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QemuConfig {
    /// Everything the driver keeps: a directory per VM, the answer of the acceleration probe, its lock. One driver per
    /// directory; it must survive a reboot of the host.
    pub state_dir: PathBuf,
    /// Where sockets get short names when `state_dir` is deep. `/run/tstack`
    pub run_dir: PathBuf,
    /// `qemu-system-x86_64`, looked up in PATH
    pub binary: PathBuf,
    pub acceleration: Acceleration,
    /// Without one `auto` means TCG.
    pub probe: Option<ProbeKernel>,
    /// Within this time the probe's kernel must have booted. 20 s
    pub probe_deadline: Duration,
    /// Checksum and segmentation offloads of virtio NICs. Must be off where OVS runs its user-space datapath. Off
    pub offloads: Switch,
    /// Bypass the host's page cache for disks that are files. Off: guests of one image share it in the cache. Flushes are
    /// honoured either way.
    pub direct_io: Switch,
    /// QEMU's seccomp filter. On; off for a QEMU built without it.
    pub sandbox: Switch,
    /// What `pc` and `q35` stand for here, by exact names; for others QEMU's own, its newest. A region's hosts with several QEMUs should
    /// all have the same, lest guests of the newer ones cannot go to the others.
    pub machine_types: Vec<String>,
    /// What guests are whose spec names no machine exactly, as those of the days before it was kept: Debian 12's newest.
    pub machine_pc: String,
    pub machine_q35: String,
    /// What a guest reads in its DMI tables. `TStack`, and `OpenStack Compute`, by which cloud-init knows that there is a
    /// metadata service (its data source "OpenStack" lists the product names it believes).
    pub manufacturer: String,
    pub product: String,
    /// What processors guests have, as QEMU calls it: `Nehalem`. `None`: the best there is, this host's own under KVM.
    pub cpu_model: Option<String>,
    /// Features that they have, or not, whatever the model says.
    pub cpu_flags: Vec<(String, bool)>,
    /// UEFI firmware; Debian's `ovmf`.
    pub uefi_code: PathBuf,
    pub uefi_vars: PathBuf,
    /// TPMs for guests, by an emulator that is looked up in PATH: `swtpm`.
    pub vtpm: Vtpm,
    pub swtpm: PathBuf,
    /// Memory for translated code per guest under TCG, on top of the guest's own; QEMU would take up to 1 GiB. 128
    pub tcg_cache_mib: u32,
    /// A console log is cut when it is longer, its last half kept. 1 MiB
    pub console_limit: u64,
    /// What this host offers to guests; `None`: all its cores, all its memory.
    pub vcpus: Option<u32>,
    pub memory_mib: Option<u64>,
    /// Which processors guests may have to themselves, and which they share.
    pub cpus: CpuSets,
    /// Name of the control group that holds those of the VMs. `tstack`; hosts that share one kernel (`lab`) each take their own.
    pub cgroup: String,
    /// `None`: guests stay on this host.
    pub crossing: Option<Crossing>,
    /// For one answer of QEMU's monitor. 30 s
    pub monitor_patience: Duration,
    /// From the start of a process to its monitor's first answer. 120 s
    pub start_patience: Duration,
    /// From a polite request to end to SIGKILL. 15 s
    pub quit_patience: Duration,
    /// For a guest to let a device go. 60 s
    pub detach_patience: Duration,
    /// For a guest to give back memory. 30 s
    pub memory_patience: Duration,
    /// For another driver of the same directory, about to end, to let it go. 10 s
    pub lock_patience: Duration,
}

impl QemuConfig {
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            state_dir: state_dir.into(),
            run_dir: "/run/tstack".into(),
            binary: "qemu-system-x86_64".into(),
            acceleration: Acceleration::Auto,
            probe: None,
            probe_deadline: Duration::from_secs(20),
            offloads: Switch::Off,
            direct_io: Switch::Off,
            sandbox: Switch::On,
            machine_types: Vec::new(),
            machine_pc: "pc-i440fx-7.2".into(),
            machine_q35: "pc-q35-7.2".into(),
            manufacturer: "TStack".into(),
            product: "OpenStack Compute".into(),
            cpu_model: None,
            cpu_flags: Vec::new(),
            uefi_code: "/usr/share/OVMF/OVMF_CODE_4M.fd".into(),
            uefi_vars: "/usr/share/OVMF/OVMF_VARS_4M.fd".into(),
            vtpm: Vtpm::Auto,
            swtpm: "swtpm".into(),
            tcg_cache_mib: 128,
            console_limit: 1 << 20,
            vcpus: None,
            memory_mib: None,
            cpus: CpuSets::default(),
            cgroup: "tstack".into(),
            crossing: None,
            monitor_patience: Duration::from_secs(30),
            start_patience: Duration::from_secs(120),
            quit_patience: Duration::from_secs(15),
            detach_patience: Duration::from_secs(60),
            memory_patience: Duration::from_secs(30),
            lock_patience: Duration::from_secs(10),
        }
    }
}
