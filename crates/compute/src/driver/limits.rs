//! What a guest is held to, and how far that may change while it runs.

use ports::IoLimits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Decided when a guest's hardware is made, and kept as long as it is that hardware, on whichever host: the same for a start, for a
/// restart and for an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// vCPUs that it boots with for the first time: its disks have so many queues.
    pub base_vcpus: u32,
    /// Memory that it boots with. What it has above that is lent, and can be taken back.
    pub base_mib: u64,
    pub most_memory_mib: u64,
    pub most_vcpus: u32,
}

impl Room {
    /// What memory is lent in: huge pages.
    pub const UNIT_MIB: u64 = 2;

    pub fn holds(&self, vcpus: u32, memory_mib: u64) -> bool {
        let memory = (self.base_mib..=self.most_memory_mib).contains(&memory_mib);
        memory && (memory_mib - self.base_mib).is_multiple_of(Self::UNIT_MIB) && (1..=self.most_vcpus).contains(&vcpus)
    }
}

/// What is in force on a guest that runs: not what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmLimits {
    pub vcpus: u32,
    /// All that the host has given to the guest; which may not have taken it yet.
    pub memory_mib: u64,
    /// What the guest has taken of what was lent to it.
    pub lent_mib: u64,
    /// `None`: the host's kernel holds guests to nothing.
    pub cpu_shares: Option<u64>,
    /// Thousandths of a core; `None`: no quota.
    pub cpu_quota_milli: Option<u64>,
    /// By the disks' ids.
    pub disks: BTreeMap<String, IoLimits>,
}
