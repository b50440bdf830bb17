//! Which acceleration works here, found out by trying.
//!
//! `/dev/kvm` that opens, capabilities that are listed, even firmware and the first kilobytes of a kernel that run prove
//! nothing: there are hosts (nested ones above all) where a stock kernel hangs right after its decompressor. So `auto` boots a
//! given kernel under KVM, with nothing but a serial console, and believes in KVM when the kernel has said who it is *and* has
//! come to the end of its boot (handed over to init, or panicked for want of a root), all within a deadline.
//!
//! The answer is kept in `<state>/accel.json` under a key of everything it depends on: kernel, initrd, QEMU and this boot of
//! the host. TCG is not probed; it is what remains.

use super::{
    config::{Acceleration, ProbeKernel, QemuConfig},
    record::disk_error,
};
use kernel::{Error, Result, error::Doing};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, UNIX_EPOCH},
};
use tokio::{
    io::AsyncReadExt,
    process::Command,
    time::{Instant, timeout_at},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    Kvm,
    Tcg,
}

impl Accel {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }
}

/// What is kept of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    key: String,
    accel: Accel,
    why: String,
}

/// The acceleration to use, and why.
pub async fn choose(config: &QemuConfig) -> Result<(Accel, String)> {
    match (config.acceleration, &config.probe) {
        (Acceleration::Kvm, _) => Ok((Accel::Kvm, "set so".into())),
        (Acceleration::Tcg, _) => Ok((Accel::Tcg, "set so".into())),
        (Acceleration::Auto, None) => Ok((Accel::Tcg, "no kernel is given to try KVM with".into())),
        (Acceleration::Auto, Some(probe)) => {
            let key = key(config, probe)?;
            if let Some(answer) = remembered(config).filter(|a| a.key == key) {
                return Ok((answer.accel, answer.why));
            }
            let (accel, why) = try_kvm(config, probe).await;
            tracing::info!(accel = accel.name(), why, "chose the acceleration of guests");
            remember(config, &Answer { key, accel, why: why.clone() })?;
            Ok((accel, why))
        }
    }
}

/// The kept answer, for `doctor`, if it is still about this kernel, QEMU and boot.
pub fn last_answer(config: &QemuConfig) -> Option<(Accel, String)> {
    let key = key(config, config.probe.as_ref()?).ok()?;
    remembered(config).filter(|a| a.key == key).map(|a| (a.accel, a.why))
}

/// Spares another driver on the same machine the probe: what is written down holds for both.
pub fn share_answer(from: &QemuConfig, to: &QemuConfig) -> Result<()> {
    let Some(answer) = remembered(from) else { return Ok(()) };
    fs::create_dir_all(&to.state_dir).map_err(|e| disk_error("making the state directory", e))?;
    remember(to, &answer)
}

fn answer_path(config: &QemuConfig) -> PathBuf {
    config.state_dir.join("accel.json")
}

fn remembered(config: &QemuConfig) -> Option<Answer> {
    // An answer that cannot be read is found out again.
    serde_json::from_slice(&fs::read(answer_path(config)).ok()?).ok()
}

fn remember(config: &QemuConfig, answer: &Answer) -> Result<()> {
    let path = answer_path(config);
    let aside = path.with_extension("new");
    let text = serde_json::to_vec(answer).doing("writing down the acceleration probe")?;
    fs::write(&aside, text)
        .and_then(|()| fs::rename(&aside, &path))
        .map_err(|e| disk_error("writing down the acceleration probe", e))
}

fn key(config: &QemuConfig, probe: &ProbeKernel) -> Result<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").doing("reading the boot id")?;
    let binary = find_in_path(&config.binary).unwrap_or_else(|| config.binary.clone());
    let mut parts = vec![boot.trim().to_owned(), format!("{:?}", config.probe_deadline)];
    for file in [Some(&binary), Some(&probe.kernel), probe.initrd.as_ref()].into_iter().flatten() {
        let stamp = fs::metadata(file).and_then(|m| Ok((m.len(), m.modified()?)));
        let stamp = stamp.map(|(len, time)| (len, time.duration_since(UNIX_EPOCH).unwrap_or_default()));
        parts.push(format!("{} {:?}", file.display(), stamp.ok()));
    }
    Ok(parts.join("; "))
}

/// Where a program of this name lies.
pub fn find_in_path(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.exists().then(|| program.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|p| p.is_file())
}

async fn try_kvm(config: &QemuConfig, probe: &ProbeKernel) -> (Accel, String) {
    if !Path::new("/dev/kvm").exists() {
        return (Accel::Tcg, "there is no /dev/kvm".into());
    }
    match boot(config, probe, Accel::Kvm).await {
        Ok(()) => (Accel::Kvm, format!("{} booted under KVM", probe.kernel.display())),
        Err(e) => (Accel::Tcg, e.message().to_owned()),
    }
}

/// Boots the probe's kernel; `Ok` when it came to its end within the deadline.
pub async fn boot(config: &QemuConfig, probe: &ProbeKernel, accel: Accel) -> Result<()> {
    let failed = |why: &str| Error::conflict(format!("{} under {}: {why}", probe.kernel.display(), accel.name()));
    let mut command = Command::new(&config.binary);
    command
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", "256", "-serial", "stdio"])
        .args(["-machine", &config.machine_pc, "-accel", accel.name()])
        // Panic means reset, reset means exit; no root is given, so that a boot has an end.
        .args(["-append", "console=ttyS0 earlyprintk=ttyS0 loglevel=7 panic=-1"])
        .arg("-kernel")
        .arg(&probe.kernel)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if let Some(initrd) = &probe.initrd {
        command.arg("-initrd").arg(initrd);
    }
    let mut child = command.spawn().map_err(|e| failed("QEMU cannot be started").with_source(e))?;
    let mut console = child.stdout.take().ok_or_else(|| failed("QEMU has no console"))?;
    let deadline = Instant::now() + config.probe_deadline;
    let (mut said, mut chunk) = (Vec::new(), [0; 4096]);
    let verdict = loop {
        match timeout_at(deadline, console.read(&mut chunk)).await {
            Err(_) => break Err(late(&said, config.probe_deadline)),
            Ok(Err(_) | Ok(0)) if has_named_itself(&said) => break Ok(()),
            Ok(Err(_) | Ok(0)) => break Err("QEMU ended before the kernel said anything".into()),
            Ok(Ok(n)) => said.extend(&chunk[..n]),
        }
        if has_booted(&said) {
            break Ok(());
        }
        if said.len() > 4 << 20 {
            break Err("the kernel talks without end".into());
        }
    };
    let _ = child.kill().await;
    verdict.map_err(|why| failed(&why))
}

fn late(said: &[u8], deadline: Duration) -> String {
    let state = if has_named_itself(said) { "began to boot but did not finish" } else { "did not boot" };
    format!("the kernel {state} within {} s", deadline.as_secs())
}

/// The first line that is the kernel's and not its decompressor's.
fn has_named_itself(said: &[u8]) -> bool {
    contains(said, b"Linux version ")
}

fn has_booted(said: &[u8]) -> bool {
    has_named_itself(said)
        && [&b"Run /"[..], b"Kernel panic", b"Freeing unused kernel"].iter().any(|s| contains(said, s))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|w| w == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A "QEMU" whose KVM behaves as told.
    fn config(dir: &Path, under_kvm: &str) -> QemuConfig {
        let binary = dir.join("qemu");
        let count = dir.join("runs");
        let script = format!("#!/bin/sh\necho run >> {}\n{under_kvm}\n", count.display());
        fs::write(&binary, script).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.join("vmlinuz"), "kernel").unwrap();
        let mut config = QemuConfig::new(dir);
        config.binary = binary;
        config.probe = Some(ProbeKernel { kernel: dir.join("vmlinuz"), initrd: None });
        config.probe_deadline = Duration::from_millis(700);
        config
    }

    async fn check(under_kvm: &str, expect: Result<(), &str>) {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), under_kvm);
        let got = boot(&config, config.probe.as_ref().unwrap(), Accel::Kvm).await;
        match (got, expect) {
            (Ok(()), Ok(())) => {}
            (Err(e), Err(part)) => assert!(e.message().contains(part), "{}", e.message()),
            (got, _) => panic!("{under_kvm}: {got:?}"),
        }
    }

    #[tokio::test]
    async fn only_a_kernel_that_boots_counts() {
        let version = "echo '[    0.000000] Linux version 6.1.0'";
        check(&format!("{version}; echo 'Run /init as init process'; sleep 60"), Ok(())).await;
        check(&format!("{version}; echo 'Kernel panic - not syncing'"), Ok(())).await;
        check("echo 'Probing EDD (edd=off to disable)... ok'; exec sleep 60", Err("did not boot")).await;
        check(&format!("{version}; exec sleep 60"), Err("did not finish")).await;
        check("exit 1", Err("ended before")).await;
    }

    #[tokio::test]
    async fn the_answer_is_kept_until_what_it_depends_on_changes() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), "exit 1");
        let runs = || fs::read_to_string(dir.path().join("runs")).unwrap_or_default().lines().count();
        if !Path::new("/dev/kvm").exists() {
            return assert_eq!(choose(&config).await.unwrap().1, "there is no /dev/kvm");
        }
        for _ in 0..3 {
            assert_eq!(choose(&config).await.unwrap().0, Accel::Tcg);
        }
        assert_eq!(runs(), 1);
        assert!(last_answer(&config).is_some());
        fs::write(dir.path().join("vmlinuz"), "another kernel").unwrap();
        assert!(last_answer(&config).is_none());
        choose(&config).await.unwrap();
        assert_eq!(runs(), 2);
        let set = QemuConfig { acceleration: Acceleration::Kvm, ..config };
        assert_eq!(choose(&set).await.unwrap().0, Accel::Kvm);
        assert_eq!(runs(), 2);
    }
}
