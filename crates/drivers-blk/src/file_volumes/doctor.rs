//! What a pool lacks on this host, and how to mend it.

use super::{FileVolumesConfig, TcpExports};
use crate::{
    disk,
    qemu_img::{self, program},
};
use kernel::Finding;
use std::{net::TcpListener, path::Path};

/// Looks at everything the driver needs; changes nothing.
pub fn doctor(config: &FileVolumesConfig) -> Vec<Finding> {
    let mut findings = qemu_img::doctor(&config.img);
    findings.push(program(&config.storage_daemon, "apt install qemu-system-common").blocking());
    findings.push(program(Path::new("setsid"), "apt install util-linux").blocking());
    findings.extend([&config.dir].into_iter().chain(&config.more).map(|dir| pool_dir(dir)));
    findings.extend(config.tcp.as_ref().map(address));
    findings
}

/// Whether the address is this host's: only then can a socket be bound to it.
fn address(tcp: &TcpExports) -> Finding {
    let check = "address of volumes for other hosts";
    match TcpListener::bind((tcp.address, 0)) {
        Ok(_) if tcp.address.is_unspecified() => Finding::bad(
            check,
            format!("{} says nothing to other hosts", tcp.address),
            "set it to an address of this host on the network that only hosts are on",
        ),
        Ok(_) => Finding::good(check, format!("{}, ports {:?}", tcp.address, tcp.ports)),
        Err(e) => Finding::bad(
            check,
            format!("{}: {e}", tcp.address),
            "give the address to an interface of this host, or set one that it has",
        ),
    }
}

fn pool_dir(dir: &Path) -> Finding {
    let check = "directory of volumes";
    let existing = dir.ancestors().find(|d| d.is_dir()).unwrap_or(Path::new("/"));
    let writable = rustix::fs::access(existing, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    if let Err(e) = writable {
        let mend = "run tstack as root, or choose another data directory";
        return Finding::bad(check, format!("{}: {e}", existing.display()), mend);
    }
    match disk::space(existing) {
        Err(e) => Finding::bad(check, e.internal_text(), "mount the file system of the data directory"),
        Ok(space) => {
            let detail = format!("{}: {} MiB free", dir.display(), space.free >> 20);
            if space.free < 1 << 30 {
                Finding::bad(check, detail, "free some space, or choose a data directory on a larger disk")
            } else {
                Finding::good(check, detail)
            }
        }
    }
}
