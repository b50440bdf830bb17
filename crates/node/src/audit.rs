//! `tstack audit`: the invariants of the design against the store *and* the hosts. Each finding is a sentence that names the
//! leak; none is the only good answer.

use crate::services::Services;
use compute::{
    driver::VmStatus,
    model::{Server, vm::VmIntent},
};
use flow::{FlowRecord, Phase};
use kernel::{HostName, NetworkId, PortId, Result, ServerId, SnapshotId, VolumeId, doctor::Finding, error::Doing};
use ports::HostCalls;
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use store::Snapshot;
use volume::{Attachment, Volume};

const PATIENCE: Duration = Duration::from_secs(20);

pub async fn audit(services: &Services) -> Result<Vec<String>> {
    let snapshot = services.store.snapshot();
    let mut findings = flows(&snapshot);
    findings.extend(compute::audit(&snapshot).into_iter().map(sentence));
    findings.extend(placement::audit(&snapshot).into_iter().map(sentence));
    findings.extend(volume::audit(&snapshot));
    findings.extend(image::audit(&services.image).await?);
    let network = &services.network;
    findings.extend(network::audit(&snapshot, network.settings(), &**network.backend()).await?);
    for host in services.gateway.hosts() {
        match host.connected {
            true => findings.extend(on_host(services, &host.host).await?),
            false => findings.push(format!("host {}: it is not connected, what it holds is not known", host.host)),
        }
    }
    findings.sort();
    Ok(findings)
}

fn sentence(finding: Finding) -> String {
    format!("{}: {}", finding.check, finding.detail)
}

fn flows(snapshot: &Snapshot) -> Vec<String> {
    let stuck = snapshot.all::<FlowRecord>().filter(|f| f.phase == Phase::NeedsOperator);
    stuck
        .map(|f| {
            format!(
                "flow {} ({} of {}) needs an operator: {}",
                f.id,
                f.kind,
                f.object,
                f.error.clone().unwrap_or_default()
            )
        })
        .collect()
}

/// What `host.inventory` of an agent says.
#[derive(Deserialize)]
struct Inventory {
    vms: Vec<VmStatus>,
    local_disks: Vec<ServerId>,
    ports: Vec<PortId>,
    metadata_networks: Vec<NetworkId>,
    /// Whatever else is there and nobody's.
    #[serde(default)]
    strays: Vec<String>,
    pools: BTreeMap<String, Pool>,
}

#[derive(Deserialize)]
struct Pool {
    volumes: Vec<VolumeId>,
    snapshots: Vec<(VolumeId, SnapshotId)>,
    exports: Vec<VolumeId>,
}

async fn on_host(services: &Services, host: &HostName) -> Result<Vec<String>> {
    let answer = services.gateway.call(host, "host.inventory", json!({}), PATIENCE).await?;
    let held: Inventory = serde_json::from_value(answer).doing("reading a host's inventory")?;
    // Read after the host answered: what it held then and nobody claims now is a leak, unless a flow is at work on it.
    let snapshot = services.store.snapshot();
    let intents: BTreeMap<ServerId, _> = snapshot.by(VmIntent::BY_HOST, host).map(|i| (i.server.clone(), i)).collect();
    let ports: BTreeSet<_> = intents.values().flat_map(|i| i.ports.iter().map(|p| p.bound.port.clone())).collect();
    let networks: BTreeSet<_> =
        intents.values().flat_map(|i| i.ports.iter().map(|p| p.bound.network.clone())).collect();
    let mut findings = Vec::new();
    let mut leak = |what: &str, id: &str| findings.push(format!("host {host}: nobody claims {what} {id}"));
    held.vms.iter().filter(|v| !intents.contains_key(&v.server)).for_each(|v| leak("the guest", &v.server));
    held.local_disks.iter().filter(|s| !intents.contains_key(s)).for_each(|s| leak("the disks of server", s));
    held.ports.iter().filter(|p| !ports.contains(p)).for_each(|p| leak("the tap of port", p));
    held.metadata_networks
        .iter()
        .filter(|n| !networks.contains(n))
        .for_each(|n| leak("the metadata service of network", n));
    held.strays.iter().for_each(|what| leak("the", what));
    for pool in held.pools.values() {
        pools(&snapshot, pool, &mut leak);
    }
    for (server, _) in intents.iter().filter(|(s, _)| !held.vms.iter().any(|v| v.server == **s)) {
        if snapshot.get::<Server>(server).is_some_and(|s| s.status() == "ACTIVE") {
            findings.push(format!("host {host}: the guest of server {server} should run there and does not exist"));
        }
    }
    Ok(findings)
}

fn pools(snapshot: &Snapshot, pool: &Pool, leak: &mut impl FnMut(&str, &str)) {
    let known = |id: &VolumeId| snapshot.contains::<Volume>(id);
    pool.volumes.iter().filter(|v| !known(v)).for_each(|v| leak("the volume", v));
    let orphans = pool.snapshots.iter().filter(|(_, s)| !snapshot.contains::<volume::Snapshot>(s));
    orphans.for_each(|(_, s)| leak("the snapshot", s));
    let exported = |id: &VolumeId| snapshot.count_by(Attachment::BY_VOLUME, id) > 0;
    pool.exports.iter().filter(|v| !exported(v)).for_each(|v| leak("the export of volume", v));
}
