//! NUMA cells: what a host is made of, what a guest wants of it, and where it was put.
//!
//! A guest without wishes has no [`GuestTopology`] and runs wherever the host's kernel puts it. One with wishes (NUMA nodes, cores
//! of its own, huge pages) gets a cell of the host for each of its cells; the claim remembers which, and the host's agent binds
//! memory and threads accordingly.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    pub huge_pages: BTreeMap<u64, u64>,
}

/// What a guest wants of its host's cells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestTopology {
    pub cells: Vec<GuestCell>,
    pub threads: Threads,
    pub pages: Pages,
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
    pub pins: BTreeMap<u32, u32>,
    /// Where the other vCPUs run.
    pub shared: BTreeSet<u32>,
    /// Processors that must stay idle.
    pub idle: BTreeSet<u32>,
    pub memory_mib: u64,
    /// Size of the huge pages that its memory is made of.
    pub huge_page_kib: Option<u64>,
}
