//! Which switch can forward packets here. The kernel module is tried out in a throw-away namespace, tunnels included: that a
//! module file exists, or that its name is listed, says nothing.

use super::config::{Datapath, HostNetConfig};
use crate::{
    link,
    netns::{self, Netns},
};
use kernel::Result;
use std::os::unix::fs::MetadataExt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Userspace,
    Kernel,
}

impl Kind {
    /// OVSDB's `datapath_type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Userspace => "netdev",
            Self::Kernel => "system",
        }
    }
}

/// `existing`: the type of the bridge that is there already; a running host does not change it by itself.
pub async fn choose(config: &HostNetConfig, existing: Option<&str>) -> Result<Kind> {
    match (config.datapath, existing) {
        (Datapath::Netdev, _) | (Datapath::Auto, Some("netdev")) => Ok(Kind::Userspace),
        (Datapath::System, _) | (Datapath::Auto, Some(_)) => Ok(Kind::Kernel),
        // The kernel's datapath is one per namespace, and another ovs-vswitchd has it.
        (Datapath::Auto, None) if link::exists(&config.netns(), "ovs-system").await? => Ok(Kind::Userspace),
        (Datapath::Auto, None) => Ok(if kernel_works(&config.prefix).await? { Kind::Kernel } else { Kind::Userspace }),
    }
}

/// Bytes that wait for the userspace datapath at a port, as the kernel counts them.
const WAITING: u64 = 4 << 20;

/// The sockets of the userspace datapath are as large as the machine's default, which a few hundred packets fill. What comes in one
/// burst with them is lost then: a guest's memory on its way to another host drowned the word that its disks are complete, and TCP
/// looks for the last packet of many only after 200 ms. The setting is the machine's: a namespace has none of its own.
pub async fn make_room() {
    const SETTING: &str = "net/core/rmem_default";
    let machine = Netns::here();
    let has = machine.sysctl(SETTING).await.ok().and_then(|text| text.parse::<u64>().ok());
    if has.is_some_and(|has| has >= WAITING) {
        return;
    }
    match machine.set_sysctl(SETTING, &WAITING.to_string()).await {
        Ok(()) => tracing::info!(bytes = WAITING, "sockets of this machine are larger, for a switch in userspace"),
        Err(e) => tracing::warn!(error = %e.internal_text(), "a switch in userspace loses packets of bursts"),
    }
}

/// The userspace datapath's own device, one per namespace. It outlives a switch that was killed.
pub const USERSPACE_DEVICE: &str = "ovs-netdev";

/// Processes of ovs-vswitchd in the namespace, but for `ours`.
pub fn other_switches(netns: &Netns, ours: Option<i32>) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    let is_switch = |pid: &i32| {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "ovs-vswitchd")
    };
    let inside = |pid: &i32| std::fs::metadata(format!("/proc/{pid}/ns/net")).ok().map(|m| m.ino()) == netns.inode();
    // A monitor has the switch's name, too, but no datapath; its title says so.
    let is_monitor = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|c| c.starts_with(b"ovs-vswitchd: monitoring"))
    };
    pids.filter(|pid| is_switch(pid) && Some(*pid) != ours && inside(pid) && !is_monitor(pid)).collect()
}

pub async fn kernel_works(prefix: &str) -> Result<bool> {
    for module in ["openvswitch", "geneve", "vport_geneve"] {
        // Built in, or not there at all: the trial will tell.
        let _ = Netns::here().command("modprobe", ["--quiet", module]).await;
    }
    let name = format!("{prefix}-probe-{}", std::process::id());
    netns::ensure(&name).await?;
    let inside = Netns::named(&name);
    let switch = inside.command("ovs-dpctl", ["add-dp", "probe"]).await;
    let tunnel = inside.command("ip", ["link", "add", "probe-gnv", "type", "geneve", "external"]).await;
    if switch.is_ok() {
        let _ = inside.command("ovs-dpctl", ["del-dp", "probe"]).await;
    }
    netns::remove(&name).await?;
    let missing = switch.as_ref().err().or(tunnel.as_ref().err());
    tracing::debug!(missing = missing.map(|e| e.internal_text()), "tried the kernel's datapath");
    Ok(missing.is_none())
}
