//! `tstack audit`: the invariants of the design against the store *and* the hosts. Each finding is a sentence that names the
//! leak; none is the only good answer.
//!
//! What flows are just making or taking away looks like a leak for a moment. So whoever finds something looks again after a
//! while, and only what is found both times counts. A host that cannot be asked is a finding as well: nobody knows what is on
//! it.

use crate::services::Services;
use agent::HostClaims;
use compute::{
    driver::VmStatus,
    model::{ComputeHost, Server, vm::VmIntent},
};
use flow::{FlowRecord, Phase};
use kernel::{
    HostName, Kind, NetworkId, PortId, Result, ServerId, SnapshotId, VolumeId, doctor::Finding, error::Doing,
};
use ports::HostCalls;
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use store::Snapshot;
use volume::{Attachment, Volume, VolumePool};

const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks, and how long hosts are waited for that should be there (after a start they connect by and by).
const AGAIN: Duration = Duration::from_secs(1);
const CONNECTING: Duration = Duration::from_secs(5);

pub async fn audit(services: &Services) -> Result<Vec<String>> {
    connected(services).await;
    let first = look(services).await?;
    if first.is_empty() {
        return Ok(first);
    }
    tokio::time::sleep(AGAIN).await;
    let again: BTreeSet<String> = look(services).await?.into_iter().collect();
    Ok(first.into_iter().filter(|finding| again.contains(finding)).collect())
}

/// Hosts that compute or volume know, or that have an intent.
fn known_hosts(snapshot: &Snapshot) -> BTreeSet<HostName> {
    let compute = snapshot.all::<ComputeHost>().map(|h| h.name.clone());
    let pools = snapshot.all::<VolumePool>().map(|p| p.host.clone());
    let intents = snapshot.all::<VmIntent>().map(|i| i.host.clone());
    compute.chain(pools).chain(intents).collect()
}

async fn connected(services: &Services) {
    let all = async {
        while known_hosts(&services.store.snapshot()).iter().any(|h| !services.gateway.is_connected(h)) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let _ = tokio::time::timeout(CONNECTING, all).await; // those that stay away are findings
}

async fn look(services: &Services) -> Result<Vec<String>> {
    let snapshot = services.store.snapshot();
    let mut findings = flows(&snapshot);
    findings.extend(compute::audit(&snapshot).into_iter().map(sentence));
    findings.extend(placement::audit(&snapshot).into_iter().map(sentence));
    findings.extend(volume::audit(&snapshot));
    findings.extend(image::audit(&services.image).await?);
    let network = &services.network;
    findings.extend(network::audit(&snapshot, network.settings(), &**network.backend()).await?);
    let mut hosts = known_hosts(&snapshot);
    hosts.extend(services.gateway.hosts().into_iter().filter(|h| h.connected).map(|h| h.host));
    for host in &hosts {
        match on_host(services, host).await {
            Ok(found) => findings.extend(found),
            Err(e) if !services.gateway.is_connected(host) => {
                tracing::debug!(%host, error = %e.internal_text(), "a host could not be audited");
                findings.push(format!("host {host}: it is not connected, what it holds is not known"));
            }
            Err(e) if e.is(Kind::Unavailable) => {
                findings.push(format!("host {host}: what it holds is not known: {}", e.message()));
            }
            Err(e) => return Err(e),
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
    let HostClaims { servers: _, ports, networks } = &claims(intents.values());
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
    for (backend, pool) in &held.pools {
        pools(&snapshot, (host, backend), pool, &mut leak);
    }
    for (server, _) in intents.iter().filter(|(s, i)| !i.spare && !held.vms.iter().any(|v| v.server == **s)) {
        if snapshot.get::<Server>(server).is_some_and(|s| s.status() == "ACTIVE") {
            findings.push(format!("host {host}: the guest of server {server} should run there and does not exist"));
        }
    }
    findings.extend(behind(services, host).await?);
    Ok(findings)
}

fn claims<'a>(intents: impl Iterator<Item = &'a Arc<VmIntent>>) -> HostClaims {
    let mut claims = HostClaims::default();
    for intent in intents {
        claims.servers.insert(intent.server.clone());
        // Where there is no guest to be, there are no interfaces.
        if !intent.power.is_guest() {
            continue;
        }
        claims.ports.extend(intent.ports.iter().map(|p| p.bound.port.clone()));
        claims.networks.extend(intent.ports.iter().map(|p| p.bound.network.clone()));
    }
    claims
}

/// What the host finds when it looks behind its drivers' backs.
async fn behind(services: &Services, host: &HostName) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Found {
        findings: Vec<String>,
    }
    let snapshot = services.store.snapshot();
    let intents: Vec<_> = snapshot.by(VmIntent::BY_HOST, host).collect();
    let answer = services.gateway.call(host, "host.audit", json!(claims(intents.iter())), PATIENCE).await?;
    let found: Found = serde_json::from_value(answer).doing("reading a host's audit")?;
    Ok(found.findings.into_iter().map(|finding| format!("host {host}: {finding}")).collect())
}

fn pools(snapshot: &Snapshot, at: (&HostName, &str), pool: &Pool, leak: &mut impl FnMut(&str, &str)) {
    // A volume that moves lies on two pools until the flow that removes what it left behind has ended.
    let moving = |id: &VolumeId| {
        [Volume::object(id), format!("volume.copy/{id}")].iter().any(|o| flow::live_flow_of(snapshot, o).is_some())
    };
    let here = |v: &Volume| v.host.as_ref() == Some(at.0) && v.backend.as_deref() == Some(at.1);
    let known = |id: &VolumeId| moving(id) || snapshot.get::<Volume>(id).is_some_and(|v| here(&v));
    pool.volumes.iter().filter(|v| !known(v)).for_each(|v| leak("the volume", v));
    let orphans = pool.snapshots.iter().filter(|(_, s)| !snapshot.contains::<volume::Snapshot>(s));
    orphans.for_each(|(_, s)| leak("the snapshot", s));
    // One that is being made may be exported to be encrypted.
    let making = |id: &VolumeId| flow::live_flow_of(snapshot, &Volume::object(id)).is_some();
    let exported = |id: &VolumeId| moving(id) || making(id) || snapshot.count_by(Attachment::BY_VOLUME, id) > 0;
    pool.exports.iter().filter(|v| !exported(v)).for_each(|v| leak("the export of volume", v));
}
