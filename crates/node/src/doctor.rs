//! `tstack doctor`: what is missing on this host and how to mend it.

use crate::{Config, drivers};
use kernel::{Result, doctor::Finding};
use std::{net::TcpListener, path::Path};

pub async fn doctor(config: &Config) -> Result<Vec<Finding>> {
    let mut findings = vec![port(config, "api.port", config.api_socket()?)];
    findings.push(data_dir(&config.data_dir));
    let real = config.text("hypervisor.driver") == "qemu" || config.text("network.driver") == "ovn";
    if real {
        findings.push(root());
    }
    if config.text("hypervisor.driver") == "qemu" {
        findings.extend(drivers_virt::qemu::doctor(&drivers::qemu_config(config)?));
        findings.extend(drivers_blk::file_volumes::doctor(&drivers::file_volumes(config)?));
    }
    if config.text("network.driver") == "ovn" {
        findings.extend(drivers_net::system::doctor(&drivers::host_net_config(config)?).await);
    }
    Ok(findings)
}

fn finding(check: &str, ok: bool, detail: impl Into<String>, mend: &str) -> Finding {
    Finding {
        check: check.to_owned(),
        ok,
        detail: detail.into(),
        mend: if ok { String::new() } else { mend.to_owned() },
    }
}

pub(crate) fn root() -> Finding {
    let root = rustix::process::geteuid().is_root();
    let detail = if root { "running as root" } else { "not running as root" };
    finding("root", root, detail, "run as root (guests' taps and namespaces need it), or try --fake")
}

fn port(config: &Config, key: &str, at: std::net::SocketAddr) -> Finding {
    if crate::daemon::running(config).is_some() {
        return finding(key, true, format!("{at} is served by the running tstack"), "");
    }
    match TcpListener::bind(at) {
        Ok(_) => finding(key, true, format!("{at} is free"), ""),
        Err(e) => finding(key, false, format!("{at}: {e}"), "stop who listens there (`ss -ltnp`), or set another port"),
    }
}

pub(crate) fn data_dir(dir: &Path) -> Finding {
    let probe = dir.join(".doctor");
    let written = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&probe, b"x"))
        .and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => finding("data directory", true, format!("{} can be written", dir.display()), ""),
        Err(e) => finding(
            "data directory",
            false,
            format!("{}: {e}", dir.display()),
            "choose another with --data, or give it to this user",
        ),
    }
}
