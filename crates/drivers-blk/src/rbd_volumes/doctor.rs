//! What a pool in Ceph lacks on this host, and how to mend it.

use super::RbdVolumesConfig;
use crate::qemu_img::{self, program};
use kernel::Finding;
use std::path::Path;

/// Where Debian's `qemu-block-extra` puts QEMU's driver.
const QEMU_DRIVER: &str = "/usr/lib/x86_64-linux-gnu/qemu/block-rbd.so";

/// Looks at everything the driver needs but the cluster itself; changes nothing.
pub fn doctor(config: &RbdVolumesConfig) -> Vec<Finding> {
    let mut findings = qemu_img::doctor(&config.img);
    findings.extend(["rbd", "ceph"].map(|name| program(Path::new(name), "apt install ceph-common").blocking()));
    let files = [
        ("QEMU's rbd driver", Path::new(QEMU_DRIVER), "apt install qemu-block-extra"),
        (
            "Ceph's configuration",
            &config.conf,
            "put the cluster's ceph.conf there, and the user's keyring where it says",
        ),
    ];
    findings.extend(files.map(|(check, path, mend)| match path.is_file() {
        true => Finding::good(check, path.display().to_string()),
        false => Finding::bad(check, format!("{} is not there", path.display()), mend),
    }));
    findings
}
