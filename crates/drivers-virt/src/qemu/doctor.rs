//! What this host lacks for running guests, and how to mend it.

use super::{
    accel::{self, Accel, find_in_path},
    cgroup::Cgroups,
    config::{Acceleration, QemuConfig, Vtpm},
};
use kernel::doctor::Finding;
use std::{fs, path::Path};

/// Looks at everything the driver needs; changes nothing.
pub fn doctor(config: &QemuConfig) -> Vec<Finding> {
    vec![
        program(&config.binary, "apt install qemu-system-x86").blocking(),
        program(Path::new("setsid"), "apt install util-linux").blocking(),
        state_dir(&config.state_dir),
        acceleration(config),
        tap_device(),
        cgroups(config),
        uefi(config),
        tpms(config),
    ]
}

fn program(name: &Path, mend: &str) -> Finding {
    let check = name.display().to_string();
    match find_in_path(name) {
        Some(path) => Finding::good(check, path.display().to_string()),
        None => Finding::bad(check, "not found", mend),
    }
}

fn state_dir(dir: &Path) -> Finding {
    let check = "directory of virtual machines";
    let existing = dir.ancestors().find(|d| d.is_dir()).unwrap_or(Path::new("/"));
    let writable = rustix::fs::access(existing, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    match (writable, rustix::fs::statvfs(existing)) {
        (Ok(()), Ok(disk)) => {
            let free = (disk.f_bavail * disk.f_frsize) >> 20;
            let detail = format!("{}: {free} MiB free", dir.display());
            match free {
                0..1024 => Finding::bad(check, detail, "free some space, or choose a data directory on a larger disk"),
                _ => Finding::good(check, detail),
            }
        }
        (Err(e), _) | (_, Err(e)) => Finding::bad(
            check,
            format!("{}: {e}", existing.display()),
            "run tstack as root, or choose another data directory",
        ),
    }
}

fn acceleration(config: &QemuConfig) -> Finding {
    let check = "acceleration";
    let kvm = Path::new("/dev/kvm").exists();
    match (config.acceleration, accel::last_answer(config)) {
        (Acceleration::Tcg, _) => Finding::good(check, "tcg (set so): guests run in software"),
        (Acceleration::Kvm, _) if kvm => Finding::good(check, "kvm (set so)"),
        (Acceleration::Kvm, _) => Finding::bad(
            check,
            "set to kvm, but there is no /dev/kvm",
            "switch virtualisation on in the firmware and load kvm_intel or kvm_amd, or set acceleration to auto",
        ),
        (Acceleration::Auto, Some((Accel::Kvm, why))) => Finding::good(check, format!("kvm: {why}")),
        (Acceleration::Auto, Some((Accel::Tcg, why))) => {
            Finding::good(check, format!("tcg, guests run in software, slowly: {why}"))
        }
        (Acceleration::Auto, None) if config.probe.is_none() => {
            Finding::good(check, "tcg, guests run in software, slowly: no kernel is given to try KVM with")
        }
        (Acceleration::Auto, None) => Finding::good(check, "found out at the next start by booting a kernel"),
    }
}

fn tap_device() -> Finding {
    let check = "/dev/net/tun";
    match fs::metadata(check) {
        Ok(_) => Finding::good(check, "there"),
        Err(e) => Finding::bad(check, e.to_string(), "modprobe tun"),
    }
}

fn cgroups(config: &QemuConfig) -> Finding {
    let check = "CPU control groups";
    let found = Cgroups::find(&config.cgroup);
    if let Cgroups::V1(path) | Cgroups::V2(path) = &found
        && let Some(parent) = path.parent()
        && let Err(e) = rustix::fs::access(parent, rustix::fs::Access::WRITE_OK)
    {
        return Finding::bad(check, format!("{}: {e}", parent.display()), "run tstack as root");
    }
    match found {
        Cgroups::V1(path) => Finding::good(check, format!("version 1, {}", path.display())),
        Cgroups::V2(path) => Finding::good(check, format!("version 2, {}", path.display())),
        Cgroups::None(why) => Finding::bad(
            check,
            format!("{why}: guests run without CPU shares and quotas"),
            "mount a cgroup file system with the cpu controller",
        ),
    }
}

/// The same of TPMs, unless the configuration says that guests can have them.
fn tpms(config: &QemuConfig) -> Finding {
    let check = "TPMs for guests";
    let mend = "apt install swtpm";
    match (config.vtpm, find_in_path(&config.swtpm)) {
        (Vtpm::Off, _) => Finding::good(check, "off (set so)"),
        (_, Some(path)) => Finding::good(check, path.display().to_string()),
        (Vtpm::On, None) => Finding::bad(check, "set on, but there is no swtpm", mend).blocking(),
        (Vtpm::Auto, None) => {
            Finding { mend: mend.into(), ..Finding::good(check, "no swtpm: guests that want a TPM find no host here") }
        }
    }
}

/// Only guests that ask for UEFI need it, so its absence is told but no fault.
fn uefi(config: &QemuConfig) -> Finding {
    let missing: Vec<_> = [&config.uefi_code, &config.uefi_vars].into_iter().filter(|p| !p.exists()).collect();
    match missing.first() {
        None => Finding::good("UEFI firmware", config.uefi_code.display().to_string()),
        Some(path) => Finding {
            mend: "apt install ovmf".into(),
            ..Finding::good("UEFI firmware", format!("no {}: guests that want UEFI cannot start", path.display()))
        },
    }
}
