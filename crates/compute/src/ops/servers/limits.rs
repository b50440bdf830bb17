//! What a server is held to: what was asked for, and what its host says is in force.

use crate::{
    Compute,
    driver::{VmLimits, VmSpec},
    model::{Server, vm::VmIntent},
};
use kernel::{Result, error::Doing};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;
use store::Snapshot;

const WITHIN: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Serialize)]
pub struct LimitsTold {
    /// By flavor, volumes and their QoS specs; `None`: the server is on no host.
    pub asked: Option<VmLimits>,
    /// `None`: the guest does not run, or its host does not say.
    pub in_force: Option<VmLimits>,
    /// Why its host does not say.
    pub silent: Option<String>,
}

impl Compute {
    pub async fn limits(&self, snapshot: &Snapshot, server: &Server) -> Result<LimitsTold> {
        let intent = snapshot.get::<VmIntent>(&server.id);
        let asked = intent.as_deref().map(asked);
        let Some(host) = &server.host else { return Ok(LimitsTold { asked, in_force: None, silent: None }) };
        match self.hosts.call(host, "vm.limits", json!({"server": server.id}), WITHIN).await {
            Ok(told) => {
                let in_force = serde_json::from_value(told).doing("reading what a guest is held to")?;
                Ok(LimitsTold { asked, in_force: Some(in_force), silent: None })
            }
            Err(e) => Ok(LimitsTold { asked, in_force: None, silent: Some(e.message().to_owned()) }),
        }
    }
}

fn asked(intent: &VmIntent) -> VmLimits {
    let VmSpec { vcpus, memory_mib, cpu_shares, cpu_quota_milli, room, .. } = &intent.spec;
    let local = intent.spec.disks.iter().map(|disk| (disk.id.clone(), disk.io));
    let volumes = intent.volumes.iter().map(|volume| (ports::disk_id(&volume.volume), volume.io));
    VmLimits {
        vcpus: *vcpus,
        memory_mib: *memory_mib,
        lent_mib: room.map_or(0, |room| memory_mib.saturating_sub(room.base_mib)),
        cpu_shares: *cpu_shares,
        cpu_quota_milli: *cpu_quota_milli,
        disks: local.chain(volumes).collect(),
    }
}
