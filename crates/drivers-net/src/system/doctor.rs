//! What a host must have for its network, and how to mend what it lacks.

use super::{
    config::{Datapath, HostNetConfig},
    datapath,
};
use crate::{
    link,
    netns::{Netns, search_path},
};
use kernel::Finding;
use std::{fs::OpenOptions, path::Path};

const INSTALL: &str = "apt-get install openvswitch-switch ovn-host ovn-central iproute2 nftables ethtool";

/// What is run, and the Debian package it is from.
const PROGRAMS: &[(&str, &str)] = &[
    ("ovsdb-tool", "openvswitch-common"),
    ("ovsdb-server", "openvswitch-switch"),
    ("ovs-vswitchd", "openvswitch-switch"),
    ("ovs-dpctl", "openvswitch-switch"),
    ("ovn-controller", "ovn-host"),
    ("ovn-northd", "ovn-central"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("ethtool", "ethtool"),
];
const FILES: &[&str] =
    &["/usr/share/openvswitch/vswitch.ovsschema", "/usr/share/ovn/ovn-nb.ovsschema", "/usr/share/ovn/ovn-sb.ovsschema"];

pub async fn doctor(config: &HostNetConfig) -> Vec<Finding> {
    let mut findings: Vec<_> =
        PROGRAMS.iter().map(|(program, package)| installed(program, package).blocking()).collect();
    findings.extend(FILES.iter().map(|file| schema(file).blocking()));
    findings.push(match config.check() {
        Ok(()) => Finding::good("network configuration", "legal"),
        Err(e) => Finding::bad("network configuration", e.message(), "correct the configuration file"),
    });
    findings.push(tun());
    findings.push(namespaces(config).await);
    findings.extend(underlay(config).await);
    findings.push(forwarding(config).await);
    findings.extend(neighbour(config));
    findings
}

/// Two switches in one namespace get on, unless both forward in user space.
fn neighbour(config: &HostNetConfig) -> Option<Finding> {
    const CHECK: &str = "another Open vSwitch on this host";
    let ours =
        std::fs::read_to_string(config.state_dir.join("ovs-vswitchd.pid")).ok().and_then(|pid| pid.trim().parse().ok());
    let others = datapath::other_switches(&config.netns(), ours);
    let pid = others.first()?;
    let device = std::path::Path::new("/sys/class/net").join(datapath::USERSPACE_DEVICE).exists();
    Some(if device && ours.is_none() {
        let mend = "stop it, or give TStack's network a namespace of its own";
        Finding::bad(CHECK, format!("process {pid} forwards in user space, which only one can do"), mend)
    } else {
        Finding::good(CHECK, format!("process {pid} is left alone"))
    })
}

fn installed(program: &str, package: &str) -> Finding {
    let path = search_path();
    match std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file()) {
        Some(file) => Finding::good(program, file.display().to_string()),
        None => Finding::bad(program, format!("not found; it is in Debian's package {package}"), INSTALL),
    }
}

fn schema(file: &str) -> Finding {
    if Path::new(file).is_file() { Finding::good(file, "there") } else { Finding::bad(file, "not found", INSTALL) }
}

fn tun() -> Finding {
    match OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Finding::good("/dev/net/tun", "can be opened"),
        Err(e) => {
            Finding::bad("/dev/net/tun", format!("cannot be opened: {e}"), "load the kernel module: modprobe tun")
        }
    }
}

/// Making a namespace needs root and the kernel's support, as everything else here does.
async fn namespaces(config: &HostNetConfig) -> Finding {
    let name = format!("{}-doctor-{}", config.prefix, std::process::id());
    let made = crate::netns::ensure(&name).await;
    let removed = crate::netns::remove(&name).await;
    match made.and(removed) {
        Ok(()) => Finding::good("network namespaces", "can be made"),
        Err(e) => {
            Finding::bad("network namespaces", e.internal_text(), "run as root, on a kernel with network namespaces")
        }
    }
}

async fn underlay(config: &HostNetConfig) -> Option<Finding> {
    let nic = config.underlay.as_deref()?;
    Some(match link::exists(&config.netns(), nic).await {
        Ok(true) => Finding::good("tunnel network card", nic),
        Ok(false) => Finding::bad(
            "tunnel network card",
            format!("there is no {nic}"),
            "name the card that has the tunnel address",
        ),
        Err(e) => Finding::bad("tunnel network card", e.internal_text(), INSTALL),
    })
}

async fn forwarding(config: &HostNetConfig) -> Finding {
    const CHECK: &str = "packet forwarding";
    if config.datapath == Datapath::Netdev {
        return Finding::good(CHECK, "by ovs-vswitchd in user space, as configured");
    }
    match (datapath::kernel_works(&config.prefix).await, config.datapath) {
        (Ok(true), _) => Finding::good(CHECK, "by the kernel module openvswitch"),
        (Ok(false), Datapath::Auto) => {
            Finding::good(CHECK, "by ovs-vswitchd in user space: the kernel lacks the module openvswitch or geneve")
        }
        (Ok(false), _) => {
            let mend = "install a kernel with the modules openvswitch and geneve, or set the datapath to auto";
            Finding::bad(CHECK, "the kernel lacks the module openvswitch or geneve", mend)
        }
        (Err(e), _) => Finding::bad(CHECK, e.internal_text(), "run as root"),
    }
}

/// Versions, for reports.
pub async fn versions() -> Vec<(&'static str, String)> {
    let mut versions = Vec::new();
    for program in ["ovs-vswitchd", "ovn-controller"] {
        if let Ok(text) = Netns::here().command(program, ["--version"]).await {
            versions.push((program, text.lines().next().unwrap_or_default().to_owned()));
        }
    }
    versions
}
