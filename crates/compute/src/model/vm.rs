//! Intent and observation: all that passes between compute and the agent of a host.
//!
//! ```text
//!   flow ──writes──▶ VmIntent(generation g) ──agent's stream──▶ the host makes it so
//!   flow ◀──waits── VmObserved(generation g, …) ◀──agent's report──┘
//! ```
//!
//! Everything is a state, nothing a command: a reboot is a counter that grew, a deletion the power `Absent`. So an agent that
//! lost its connection, or was restarted, needs only the newest intent. The intent is removed by the flow after the host has
//! reported `Absent` for its generation; a host that sees an intent vanish from a snapshot destroys nothing.

use super::state::ServerState;
use crate::driver::{DiskBus, IoLimits, LocalDiskSpec, VmSpec, VmState};
use kernel::{HostName, PortId, ServerId, Timestamp, VolumeId};
use ports::{BoundPort, VolumeEncryption, VolumeTarget};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use store::{Index, IndexSink, Key, Object, Snapshot};

/// What a host shall make of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VmIntent {
    pub server: ServerId,
    pub host: HostName,
    /// Grows with every change of this intent, across hosts.
    pub generation: u64,
    pub power: Power,
    /// A reboot is done when the host has seen this number.
    pub reboots: u64,
    pub reboot_hard: bool,
    /// Seconds a guest gets to shut down before it is forced.
    pub graceful_seconds: u64,
    /// The guest's hardware without disks' sources and NICs' taps, which follow from `local_disks`, `volumes` and `ports`.
    pub spec: VmSpec,
    pub local_disks: Vec<LocalDiskSpec>,
    pub volumes: Vec<VmVolume>,
    pub ports: Vec<VmPort>,
    pub metadata: GuestMetadata,
    /// Disks of former days that stay beside the guest's own.
    #[serde(default)]
    pub kept_disks: Vec<String>,
    /// Of a host that the server is not on (not yet, or not any more).
    #[serde(default)]
    pub spare: bool,
    /// The host from which it arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<HostName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    Running,
    Paused,
    /// Its memory is saved on the host's disk.
    Suspended,
    Stopped,
    /// No guest and no ports, but its disks stay: it comes, or has left and may come back.
    Parked,
    /// It runs on another host, from which it will come: disks, ports and a process wait for it.
    Arriving,
    /// It has gone to another host. What is left of it stays until it has all arrived there.
    Leaving,
    /// Nothing of the server shall be left on the host.
    Absent,
}

impl Power {
    /// What makes a server that.
    pub fn reaching(state: ServerState) -> Self {
        if state == ServerState::Stopped { Self::Stopped } else { Self::Running }
    }

    /// Whether there is to be a guest on the host, in whatever state, with its ports.
    pub const fn is_guest(self) -> bool {
        !matches!(self, Self::Absent | Self::Parked)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmVolume {
    pub volume: VolumeId,
    pub target: VolumeTarget,
    pub read_only: bool,
    pub slot: u8,
    pub boot_index: Option<u32>,
    pub io: IoLimits,
    #[serde(default)]
    pub bus: DiskBus,
    #[serde(default)]
    pub encryption: VolumeEncryption,
    #[serde(default)]
    pub tag: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmPort {
    pub bound: BoundPort,
    pub slot: u8,
    #[serde(default)]
    pub tag: Option<String>,
}

/// What the guest may read of itself: metadata service and config drive are rendered from this by `crate::metadata`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestMetadata {
    pub uuid: String,
    pub name: String,
    pub hostname: String,
    pub project: String,
    pub availability_zone: String,
    pub launch_index: u32,
    pub flavor: String,
    pub meta: BTreeMap<String, String>,
    /// Name and public key.
    pub keys: Vec<(String, String)>,
    /// Base64, as the user sent it.
    pub user_data: Option<String>,
    pub admin_pass: Option<String>,
    pub config_drive: bool,
    pub reservation: String,
    pub security_groups: Vec<String>,
    pub image: String,
    /// What users call the guest's local disks, by their names.
    #[serde(default)]
    pub disk_tags: BTreeMap<String, String>,
    /// Its disks by EC2's names: `root`, `ebs0`, ….
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub block_devices: BTreeMap<String, String>,
}

impl VmIntent {
    pub const BY_HOST: Index<VmIntent> = Index::new(0);
    /// Spares by their server.
    pub const BY_SPARE: Index<VmIntent> = Index::new(1);

    /// What a spare and its observation are kept under; a server's own intent is kept under its id.
    pub fn spare_key(server: &ServerId, host: &HostName) -> String {
        format!("{server}@{host}")
    }

    /// What a host has of a server, or is about to: its own intent, or a spare.
    pub fn on(snapshot: &Snapshot, server: &ServerId, host: &HostName) -> Option<Arc<Self>> {
        let own = snapshot.get::<Self>(server).filter(|intent| intent.host == *host);
        own.or_else(|| snapshot.get::<Self>(&Self::spare_key(server, host)))
    }
}

impl Object for VmIntent {
    const KIND: &'static str = "compute.vm_intent";
    const INDEXES: &'static [&'static str] = &["host", "spare"];
    fn key(&self) -> Key {
        key(&self.server, &self.host, self.spare)
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_HOST, &self.host);
        if self.spare {
            sink.add(Self::BY_SPARE, &self.server);
        }
    }
}

fn key(server: &ServerId, host: &HostName, spare: bool) -> Key {
    if spare { VmIntent::spare_key(server, host).as_str().into() } else { server.as_str().into() }
}

/// What a host saw. Newer by (generation, sequence); older ones are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmObserved {
    pub server: ServerId,
    pub host: HostName,
    /// The newest intent the host has carried out, or failed to.
    pub generation: u64,
    pub sequence: u64,
    pub state: VmState,
    pub reboots: u64,
    /// Why the intent of this generation could not be carried out, in words for the user.
    pub error: Option<String>,
    /// Volumes and ports in the guest now.
    pub volumes: Vec<VolumeId>,
    pub ports: Vec<PortId>,
    pub at: Timestamp,
    /// Of a spare intent; whoever takes the observation knows.
    #[serde(default)]
    pub spare: bool,
}

impl VmObserved {
    /// What was asked of a host directly.
    pub fn of(server: &ServerId, host: &HostName, state: VmState, at: Timestamp) -> Self {
        Self {
            server: server.clone(),
            host: host.clone(),
            generation: 0,
            sequence: 0,
            state,
            reboots: 0,
            error: None,
            volumes: Vec::new(),
            ports: Vec::new(),
            at,
            spare: false,
        }
    }

    /// True if `self` tells more than `older`.
    pub fn supersedes(&self, older: &Self) -> bool {
        (self.generation, self.sequence) > (older.generation, older.sequence)
    }
}

impl Object for VmObserved {
    const KIND: &'static str = "compute.vm_observed";
    fn key(&self) -> Key {
        key(&self.server, &self.host, self.spare)
    }
}
