//! What makes one fitting host better than another: each weight is between -1 and 1, times its multiplier, which operators may
//! change (`scheduler.*_weight`). Negative multipliers of memory, cpu and disk pack servers onto few hosts instead of spreading
//! them.

use super::{Asked, Host};
use serde::{Deserialize, Serialize};

pub struct Weigher {
    pub name: &'static str,
    pub multiplier: fn(&Weights) -> f64,
    pub weight: fn(&Asked<'_>, Host<'_>) -> f64,
}

pub const WEIGHERS: &[Weigher] = &[
    Weigher { name: "memory", multiplier: |w| w.memory, weight: |_, host| host.provider.free_share("MEMORY_MB") },
    Weigher { name: "cpu", multiplier: |w| w.cpu, weight: |_, host| host.provider.free_share("VCPU") },
    Weigher { name: "disk", multiplier: |w| w.disk, weight: |_, host| host.provider.free_share("DISK_GB") },
    // What guests really take: claims say what they may.
    Weigher { name: "load", multiplier: |w| w.load, weight: load },
    Weigher { name: "soft-affinity", multiplier: |w| w.soft_affinity, weight: soft_affinity },
];

/// The multipliers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    pub memory: f64,
    pub cpu: f64,
    pub disk: f64,
    pub load: f64,
    /// A soft rule outweighs any load: it is given up only where it cannot be kept.
    pub soft_affinity: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { memory: 1.0, cpu: 1.0, disk: 1.0, load: 1.0, soft_affinity: 10.0 }
    }
}

impl Weights {
    /// Servers are to be put together: hosts with little free memory are looked at first.
    pub fn packs(&self) -> bool {
        self.memory < 0.0
    }

    pub(super) fn of(&self, asked: &Asked<'_>, host: Host<'_>) -> f64 {
        WEIGHERS.iter().map(|weigher| (weigher.multiplier)(self) * (weigher.weight)(asked, host)).sum()
    }
}

/// The busier of processors and memory counts: it is what is short.
fn load(_: &Asked<'_>, host: Host<'_>) -> f64 {
    let load = host.load.unwrap_or_default();
    -load.cpu.max(load.memory).clamp(0.0, 1.0)
}

/// Both lists name a place once for each server there, so the more the better (or worse).
fn soft_affinity(asked: &Asked<'_>, host: Host<'_>) -> f64 {
    if asked.together.is_empty() && asked.apart.is_empty() {
        return 0.0;
    }
    let place = asked.place(host);
    let share = |places: &[String]| match places.len() {
        0 => 0.0,
        all => places.iter().filter(|p| **p == place).count() as f64 / all as f64,
    };
    share(&asked.together) - share(&asked.apart)
}
