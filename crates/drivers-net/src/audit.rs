//! What is left on a host that nobody claims: taps and switch ports of guests that are gone, metadata namespaces of networks
//! without guests, tables and namespaces under our prefix that no configuration makes, and, on a host that was taken down,
//! whatever is still there.
//!
//! Rows of OVN that nobody claims are found by comparing [`network::driver::NetworkBackend::dump`] with the store.

use crate::{
    host::switch::Switch,
    link::{self, Owner},
    netns,
    system::{HostNetConfig, OvsHost},
};
use kernel::{NetworkId, PortId, Result};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// What the host should have.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    pub ports: BTreeSet<PortId>,
    pub metadata: BTreeSet<NetworkId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakKind {
    Device,
    SwitchPort,
    Namespace,
    NftTable,
    Process,
}

impl fmt::Display for LeakKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Device => "network device",
            Self::SwitchPort => "switch port",
            Self::Namespace => "network namespace",
            Self::NftTable => "nftables table",
            Self::Process => "process",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Leak {
    pub kind: LeakKind,
    pub name: String,
    /// Whose it was, or why it should not be there.
    pub why: String,
}

impl Claims {
    fn covers(&self, owner: &Owner) -> bool {
        match owner {
            Owner::Port(id) => self.ports.contains(id),
            Owner::Metadata(id) => self.metadata.contains(id),
            Owner::Stranger => true,
        }
    }
}

fn leak(kind: LeakKind, name: impl Into<String>, why: impl Into<String>) -> Leak {
    Leak { kind, name: name.into(), why: why.into() }
}

/// The leaks on a host. On one whose switch was taken down, claims are in vain: everything of ours is a leak.
pub async fn audit(config: &HostNetConfig, claims: &Claims) -> Result<Vec<Leak>> {
    let processes = OvsHost::processes(config);
    let running = processes.contains(&"ovs-vswitchd");
    let claims = if running { claims.clone() } else { Claims::default() };
    let mut leaks = Vec::new();
    if !running {
        leaks.extend(processes.iter().map(|name| leak(LeakKind::Process, *name, "it runs without ovs-vswitchd")));
    }
    if config.netns.as_deref().is_none_or(netns::exists) {
        leaks.extend(devices(config, &claims, running).await?);
        leaks.extend(tables(config, running).await?);
    }
    leaks.extend(namespaces(config, &claims));
    if running {
        leaks.extend(ports(config, &claims).await?);
    }
    leaks.sort();
    Ok(leaks)
}

async fn devices(config: &HostNetConfig, claims: &Claims, running: bool) -> Result<Vec<Leak>> {
    if !running {
        let remains = OvsHost::remains(config).await?.into_iter();
        return Ok(remains.map(|name| leak(LeakKind::Device, name, "left of a switch that does not run")).collect());
    }
    let links = link::list(&config.netns()).await?.into_iter();
    Ok(links.filter(|l| !claims.covers(&l.owner())).map(|l| leak(LeakKind::Device, l.ifname, l.ifalias)).collect())
}

async fn ports(config: &HostNetConfig, claims: &Claims) -> Result<Vec<Leak>> {
    let switch = Switch::connect(config.database());
    switch.ready().await?;
    let ports = switch.ports().into_iter().filter(|p| !claims.covers(&p.owner));
    Ok(ports.map(|p| leak(LeakKind::SwitchPort, p.device, p.owner.alias())).collect())
}

/// `ts-md-<network>` of networks that are not claimed, and trial namespaces of processes that are no more.
fn namespaces(config: &HostNetConfig, claims: &Claims) -> Vec<Leak> {
    let metadata = config.metadata_namespaces();
    let claimed = |name: &str| name.strip_prefix(&metadata).is_some_and(|id| claims.metadata.contains(&id.into()));
    let trials = ["probe", "doctor"].map(|what| format!("{}-{what}-", config.prefix));
    let ended = |name: &str| {
        let pid = trials.iter().find_map(|trial| name.strip_prefix(trial));
        pid.is_some_and(|pid| !std::path::Path::new("/proc").join(pid).exists())
    };
    let all = netns::list(&format!("{}-", config.prefix));
    let unclaimed = all.iter().filter(|name| name.starts_with(&metadata) && !claimed(name));
    let trials = all.iter().filter(|name| ended(name));
    let unclaimed = unclaimed.map(|name| leak(LeakKind::Namespace, name, "no guest of its network is here"));
    unclaimed.chain(trials.map(|name| leak(LeakKind::Namespace, name, "whoever made it has ended"))).collect()
}

/// Tables with our prefix: the configured one, if it should be there, and no other.
async fn tables(config: &HostNetConfig, running: bool) -> Result<Vec<Leak>> {
    let listed = config.netns().command("nft", ["list", "tables"]).await?;
    let ours = format!("{}_", config.prefix);
    let tables =
        listed.lines().filter_map(|line| line.strip_prefix("table ")).filter_map(|table| table.split_once(' '));
    let leaked = tables.filter(|(_, name)| name.starts_with(&ours) && !(running && *name == config.nft_table()));
    Ok(leaked
        .map(|(family, name)| leak(LeakKind::NftTable, format!("{family} {name}"), "no configuration asks for it"))
        .collect())
}
