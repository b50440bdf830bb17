//! What makes one fitting host better than another: each weight is between -1 and 1.

use super::{Asked, Host};

pub struct Weigher {
    pub name: &'static str,
    pub multiplier: f64,
    pub weight: fn(&Asked<'_>, Host<'_>) -> f64,
}

pub const WEIGHERS: &[Weigher] = &[
    Weigher { name: "memory", multiplier: 1.0, weight: |_, host| host.provider.free_share("MEMORY_MB") },
    Weigher { name: "cpu", multiplier: 1.0, weight: |_, host| host.provider.free_share("VCPU") },
    Weigher { name: "disk", multiplier: 1.0, weight: |_, host| host.provider.free_share("DISK_GB") },
    // A soft rule outweighs any load: it is given up only where it cannot be kept.
    Weigher { name: "soft-affinity", multiplier: 10.0, weight: soft_affinity },
];

/// Both lists name a host once for each server there, so the more the better (or worse).
fn soft_affinity(asked: &Asked<'_>, host: Host<'_>) -> f64 {
    let request = asked.request;
    let share = |hosts: &[kernel::HostName]| match hosts.len() {
        0 => 0.0,
        all => hosts.iter().filter(|h| *h == host.name).count() as f64 / all as f64,
    };
    share(&request.same_as) - share(&request.different_from)
}
