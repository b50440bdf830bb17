//! NUMA cells: what a host is made of, what a guest wants of it, and where it was put.
//!
//! A guest without wishes has no [`GuestTopology`] and runs wherever the host's kernel puts it. One with wishes (NUMA nodes, cores
//! of its own, huge pages) gets a cell of the host for each of its cells; the claim remembers which, and the host's agent binds
//! memory and threads accordingly.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

/// A NUMA node of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCell {
    /// The kernel's number of the node.
    pub id: u32,
    /// Processors for guests that share them.
    pub shared: BTreeSet<u32>,
    /// Processors for guests that have them to themselves.
    pub dedicated: BTreeSet<u32>,
    /// Processors that are threads of one core, where there is more than one.
    pub siblings: Vec<BTreeSet<u32>>,
    pub memory_mib: u64,
    /// Huge pages set aside: size in KiB → how many.
    #[serde(deserialize_with = "by_number")]
    pub huge_pages: BTreeMap<u64, u64>,
}

/// What a guest wants of its host's cells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestTopology {
    pub cells: Vec<GuestCell>,
    pub threads: Threads,
    pub pages: Pages,
    #[serde(default)]
    pub emulator: Emulator,
    /// Some of its vCPUs run in real time.
    #[serde(default)]
    pub realtime: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestCell {
    pub vcpus: BTreeSet<u32>,
    /// Those of them that get a processor each.
    pub dedicated: BTreeSet<u32>,
    pub memory_mib: u64,
}

/// What threads of one core may carry (`hw:cpu_thread_policy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Threads {
    /// Threads of few cores if there are any, anything else if not.
    #[default]
    Prefer,
    /// Only threads whose core has others.
    Require,
    /// A core for each vCPU; its other threads stay idle.
    Isolate,
}

/// Where what the hypervisor does for the guest, besides its vCPUs, runs (`hw:emulator_threads_policy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Emulator {
    /// Where the guest's vCPUs do.
    #[default]
    Beside,
    /// On the processors that the host's guests share.
    Share,
    /// On a processor of its own, besides those of the guest's vCPUs.
    Isolate,
}

/// `hw:mem_page_size`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pages {
    #[default]
    Small,
    /// The largest huge pages that fit.
    Large,
    /// Huge pages if there are any.
    Any,
    Kib(u64),
}

/// Where a cell of a guest was put.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellFit {
    pub host_cell: u32,
    pub vcpus: BTreeSet<u32>,
    /// vCPU → processor of its own.
    #[serde(deserialize_with = "by_number")]
    pub pins: BTreeMap<u32, u32>,
    /// Where the other vCPUs run.
    pub shared: BTreeSet<u32>,
    /// Processors that must stay idle.
    pub idle: BTreeSet<u32>,
    pub memory_mib: u64,
    /// Size of the huge pages that its memory is made of.
    pub huge_page_kib: Option<u64>,
    /// Said of the first of a guest's cells, for all of it.
    #[serde(default)]
    pub emulator: EmulatorFit,
}

impl CellFit {
    /// Processors that are this guest's and nobody else's: its vCPUs', those kept idle beside them, its hypervisor's.
    pub fn own_processors(&self) -> impl Iterator<Item = u32> {
        let emulator = match self.emulator {
            EmulatorFit::Own(cpu) => Some(cpu),
            EmulatorFit::Beside | EmulatorFit::Shared(_) => None,
        };
        self.pins.values().chain(&self.idle).copied().chain(emulator)
    }
}

/// Where the hypervisor's own threads were put.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmulatorFit {
    /// Where the vCPUs are that do not run in real time.
    #[default]
    Beside,
    Shared(BTreeSet<u32>),
    Own(u32),
}

/// A map whose keys are numbers, which JSON writes as text. By itself serde reads them as numbers only where it knows from the outset what it
/// reads: not in an enum with a tag, as messages between members and hosts are.
fn by_number<'de, D, K>(from: D) -> Result<BTreeMap<K, K>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + FromStr + Ord,
{
    let read = BTreeMap::<String, K>::deserialize(from)?;
    let keyed = |(key, value): (String, K)| match key.parse() {
        Ok(key) => Ok((key, value)),
        Err(_) => Err(D::Error::custom(format!("{key:?} is no number"))),
    };
    read.into_iter().map(keyed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Message {
        Claimed { cells: Vec<CellFit> },
        Has { cells: Vec<HostCell> },
    }

    #[test]
    fn cells_cross_between_members_and_hosts() {
        let fit = |emulator| CellFit { pins: [(0, 4), (1, 12)].into(), emulator, ..CellFit::default() };
        let fits = [EmulatorFit::Beside, EmulatorFit::Own(5), EmulatorFit::Shared([1, 2].into())].map(fit);
        let host = HostCell { huge_pages: [(2048, 512)].into(), ..HostCell::default() };
        for message in [Message::Claimed { cells: fits.to_vec() }, Message::Has { cells: vec![host] }] {
            assert_eq!(from_value::<Message>(to_value(&message).unwrap()).unwrap(), message);
        }
    }

    /// As they were written before hypervisors had processors.
    #[test]
    fn cells_of_former_days() {
        let former = json!({"host_cell": 1, "vcpus": [0], "pins": {"0": 3}, "shared": [], "idle": [], "memory_mib": 64,
                            "huge_page_kib": null});
        let read: CellFit = from_value(former).unwrap();
        assert_eq!((&read.emulator, read.own_processors().collect::<Vec<_>>()), (&EmulatorFit::Beside, vec![3]));
        let topology = json!({"cells": [], "threads": "prefer", "pages": "small"});
        assert_eq!(from_value::<GuestTopology>(topology).unwrap(), GuestTopology::default());
        assert!(from_value::<CellFit>(json!({"pins": {"x": 1}})).is_err());
    }
}
