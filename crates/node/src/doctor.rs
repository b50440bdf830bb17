//! `tstack doctor`: what is missing on this host and how to mend it.

use crate::{Config, drivers, pools};
use drivers_blk::qemu_img::QemuImg;
use kernel::{Error, Result, doctor::Finding};
use rustix::fs::Access;
use std::{
    collections::HashSet,
    net::{SocketAddr, TcpListener},
    path::Path,
};

/// Everything that is looked at, in the order in which it is needed.
pub async fn doctor(config: &Config) -> Result<Vec<Finding>> {
    let mut findings = ports(config)?;
    findings.push(data_dir(&config.data_dir));
    let real = config.text("hypervisor.driver") == "qemu" || config.text("network.driver") == "ovn";
    if real {
        findings.push(root());
    }
    if config.text("hypervisor.driver") == "qemu" {
        findings.extend(drivers_virt::qemu::doctor(&drivers::qemu_config(config)?));
        // The guests' local disks are made with it, wherever volumes are.
        findings.extend(drivers_blk::qemu_img::doctor(&QemuImg::default()));
        findings.extend(pools::doctor(config, true)?);
    }
    if config.text("network.driver") == "ovn" {
        findings.extend(drivers_net::system::doctor(&drivers::host_net_config(config)?).await);
    }
    // Two drivers may need one program.
    let mut seen = HashSet::new();
    findings.retain(|f| seen.insert(f.check.clone()));
    Ok(findings)
}

/// Refuses to start where the node could not get far, before anything is made on this host.
pub async fn refuse(config: &Config) -> Result<()> {
    let findings = doctor(config).await?;
    let blocking: Vec<_> = findings.iter().filter(|f| f.blocks && !f.ok).map(Finding::sentence).collect();
    if blocking.is_empty() {
        return Ok(());
    }
    Err(Error::unavailable(format!("this node cannot start\n  {}", blocking.join("\n  "))))
}

/// A line for each finding; what to do about it below those that are not as they should be.
pub fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|f| f.check.chars().count()).max().unwrap_or_default();
    let line = |f: &Finding| {
        let line = format!("{} {:<width$}  {}\n", if f.ok { "ok  " } else { "MISS" }, f.check, f.detail);
        if f.ok { line } else { format!("{line}     → {}\n", f.mend) }
    };
    findings.iter().map(line).collect()
}

fn finding(check: &str, ok: bool, detail: impl Into<String>, mend: &str) -> Finding {
    let finding = if ok { Finding::good(check, detail) } else { Finding::bad(check, detail, mend) };
    finding.blocking()
}

pub(crate) fn root() -> Finding {
    let root = rustix::process::geteuid().is_root();
    let detail = if root { "running as root" } else { "not running as root" };
    finding("root", root, detail, "run as root (guests' taps and namespaces need it), or try --fake")
}

/// A member's; a plain node listens nowhere.
fn ports(config: &Config) -> Result<Vec<Finding>> {
    if !config.is_member() {
        return Ok(Vec::new());
    }
    let mut ports = vec![port(config, "api.port", config.api_socket()?)];
    ports.extend(config.agent_socket()?.map(|at| port(config, "agent.port", at)));
    Ok(ports)
}

fn port(config: &Config, key: &str, at: SocketAddr) -> Finding {
    if crate::daemon::running(config).is_some() {
        return finding(key, true, format!("{at} is served by the running tstack"), "");
    }
    match TcpListener::bind(at) {
        Ok(_) => finding(key, true, format!("{at} is free"), ""),
        Err(e) => {
            let mend = format!("stop who listens there (`ss -ltnp`), or set another port: --set {key}=…");
            finding(key, false, format!("{at}: {e}"), &mend)
        }
    }
}

/// Only looked at: a full disk is no reason not to start, and a doctor leaves nothing behind.
pub(crate) fn data_dir(dir: &Path) -> Finding {
    let existing = dir.ancestors().find(|d| d.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => finding("data directory", true, format!("{} can be written", dir.display()), ""),
        Err(e) => {
            let mend = "choose another with --data, or give it to this user";
            finding("data directory", false, format!("{}: {e}", existing.display()), mend)
        }
    }
}
