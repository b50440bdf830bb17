//! What this host has to offer to guests.

use super::{accel::Accel, cells, config::QemuConfig, probe::Probe};
use compute::driver::{HostCapabilities, Processors};
use kernel::{Result, error::Doing};
use std::{collections::BTreeSet, fs, num::NonZero, path::Path, thread::available_parallelism};

/// Nova's integer: 7.2.22 is 7002022.
fn version_number(version: &str) -> Option<u32> {
    let mut parts = version.split('.').map(|p| p.parse::<u32>().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    Some(major * 1_000_000 + minor * 1000 + parts.next().flatten().unwrap_or(0))
}

/// The processors that guests share, if they are not simply all; the kernel is asked, as some may have come or gone.
pub fn shared_processors(config: &QemuConfig) -> BTreeSet<u32> {
    if config.cpus.is_empty() {
        return BTreeSet::new();
    }
    let threads = available_parallelism().map_or(1, NonZero::get) as u32;
    let cells = cells::read(Path::new("/sys/devices/system"), &config.cpus, threads, 0);
    cells.into_iter().flat_map(|cell| cell.shared).collect()
}

pub fn capabilities(config: &QemuConfig, probe: &Probe, accel: Accel) -> Result<HostCapabilities> {
    let meminfo = fs::read_to_string("/proc/meminfo").doing("reading this host's memory")?;
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").doing("reading this host's CPU")?;
    let disk = rustix::fs::statvfs(&config.state_dir).doing("reading this host's disk")?;
    let threads = available_parallelism().map_or(1, NonZero::get) as u32;
    let memory_mib = config.memory_mib.unwrap_or_else(|| total_kib(&meminfo) / 1024);
    let cells = cells::read(Path::new("/sys/devices/system"), &config.cpus, threads, memory_mib);
    // Those that guests have to themselves are not shared.
    let shared = || match config.cpus.is_empty() {
        true => threads,
        false => cells.iter().map(|cell| cell.shared.len() as u32).sum(),
    };
    let cpu_model = field(&cpuinfo, "model name").unwrap_or("unknown");
    // The host's own processor is another on a host of another make.
    let guest_cpu = if accel == Accel::Kvm && probe.cpu.starts_with("host") {
        format!("{} ({cpu_model})", probe.cpu)
    } else {
        probe.cpu.clone()
    };
    Ok(HostCapabilities {
        hypervisor_type: "QEMU".into(),
        hypervisor_version: version_number(&probe.version).unwrap_or_default(),
        acceleration: accel.name().into(),
        vcpus: config.vcpus.unwrap_or_else(shared),
        memory_mib,
        disk_gib: (disk.f_blocks * disk.f_frsize) >> 30,
        cpu_model: cpu_model.to_owned(),
        guest_cpu,
        arch: std::env::consts::ARCH.into(),
        processors: processors(&cpuinfo, threads),
        cells,
        traits: probe.traits.clone(),
        machines: probe.machines.clone(),
    })
}

/// Of a host whose kernel does not tell its sockets and cores, each processor is a core of one socket.
fn processors(cpuinfo: &str, online: u32) -> Processors {
    let number = |name: &str| field(cpuinfo, name).and_then(|n| n.parse::<u32>().ok()).filter(|n| *n > 0);
    let mut ids: Vec<_> = cpuinfo.lines().filter(|line| line.starts_with("physical id")).collect();
    ids.sort_unstable();
    ids.dedup();
    let sockets = u32::try_from(ids.len()).unwrap_or(1).max(1);
    let cores = number("cpu cores").unwrap_or_else(|| (online / sockets).max(1));
    let threads = number("siblings").map_or(1, |siblings| (siblings / cores).max(1));
    let flags = field(cpuinfo, "flags").or_else(|| field(cpuinfo, "Features")).unwrap_or_default();
    Processors {
        vendor: field(cpuinfo, "vendor_id").unwrap_or_default().to_owned(),
        features: flags.split_whitespace().map(str::to_owned).collect(),
        sockets,
        cores,
        threads,
    }
}

fn total_kib(meminfo: &str) -> u64 {
    kib(meminfo, "MemTotal").unwrap_or(0)
}

/// A line of `/proc/meminfo`.
pub(super) fn kib(meminfo: &str, name: &str) -> Option<u64> {
    field(meminfo, name)?.split(' ').next()?.parse().ok()
}

/// The value after `name` in a file of `name : value` lines.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|l| l.strip_prefix(name))?;
    Some(line.trim_start().strip_prefix(':')?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let check = |said: &str, expect: Option<u32>| {
            assert_eq!(version_number(said), expect, "{said}");
        };
        check("7.2.22", Some(7_002_022));
        check("10.0.2", Some(10_000_002));
        check("9.1", Some(9_001_000));
        check("nonsense", None);
    }

    #[test]
    fn sockets_cores_and_threads() {
        let one = |socket: u32| {
            format!(
                "vendor_id\t: GenuineIntel\nphysical id\t: {socket}\nsiblings\t: 4\ncpu cores\t: 2\nflags\t\t: fpu vme\n\n"
            )
        };
        let told = processors(&(one(0).repeat(4) + &one(1).repeat(4)), 8);
        assert_eq!((told.sockets, told.cores, told.threads), (2, 2, 2));
        assert_eq!((told.vendor.as_str(), told.features.join(" ")), ("GenuineIntel", "fpu vme".to_owned()));
        let bare = processors("processor\t: 0\nFeatures\t: fp asimd\n", 6);
        assert_eq!((bare.sockets, bare.cores, bare.threads, bare.features.len()), (1, 6, 1, 2));
    }

    #[test]
    fn fields() {
        assert_eq!(field("MemFree: 1 kB\nMemTotal:       24 kB\n", "MemTotal"), Some("24 kB"));
        assert_eq!(field("model name\t: A CPU @ 2 GHz\n", "model name"), Some("A CPU @ 2 GHz"));
        assert_eq!(field("x", "y"), None);
    }
}
