//! What pools can do, and whether that is what a volume type's extra specs want: Cinder's capabilities filter.
//!
//! A spec without a scope, or with the scope `capabilities:`, names a capability that the pool must have; other scopes are for
//! drivers and readers. A value is a condition ([`conditions`]), whatever its case.

use crate::model::VolumePool;
use kernel::conditions;
use std::collections::BTreeMap;

/// A pool's capabilities by Cinder's names, as texts.
fn capability(pool: &VolumePool, name: &str) -> Option<String> {
    let stats = &pool.stats;
    let flag = |on: bool| if on { "True".to_owned() } else { "False".to_owned() };
    let gib = |mib: u64| format!("{:.2}", mib as f64 / 1024.0);
    Some(match name {
        "volume_backend_name" => pool.backend.clone(),
        "pool_name" => stats.pool.clone(),
        "vendor_name" => stats.vendor_name.clone(),
        "driver_version" => stats.driver_version.clone(),
        "storage_protocol" => stats.storage_protocol.clone(),
        "location_info" => format!("{}:{}", pool.host, pool.backend),
        "thin_provisioning_support" => flag(stats.thin),
        "thick_provisioning_support" => flag(!stats.thin),
        "multiattach" | "online_extend_support" | "QoS_support" => flag(true),
        "replication_enabled" | "consistent_group_snapshot_enabled" => flag(false),
        "total_capacity_gb" => gib(stats.total_mib),
        "free_capacity_gb" => gib(stats.free_mib),
        _ => return None,
    })
}

/// The first spec that a pool does not fulfil, in words.
pub(crate) fn missing(pool: &VolumePool, specs: &BTreeMap<String, String>) -> Option<String> {
    let asked = specs.iter().filter_map(|(key, wanted)| match key.split_once(':') {
        None => Some((key.as_str(), wanted)),
        Some(("capabilities", name)) => Some((name, wanted)),
        Some(_) => None,
    });
    asked.into_iter().find_map(|(name, wanted)| {
        let has = capability(pool, name);
        let fits = has.as_deref().is_some_and(|has| fits(has, wanted));
        (!fits).then(|| format!("the volume type wants {name} {wanted}, it is {}", has.as_deref().unwrap_or("nothing")))
    })
}

/// Whether a value is as wanted, whatever the case of either.
fn fits(has: &str, wanted: &str) -> bool {
    conditions::holds(&wanted.to_lowercase(), &has.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_their_operator_says() {
        for (has, wanted, expect) in [
            ("nbd", "nbd", true),
            ("nbd", "NBD", true),
            ("nbd", "ceph", false),
            ("True", "<is> True", true),
            ("False", "<is> True", false),
            ("ceph", "<or> nbd <or> ceph", true),
            ("iscsi", "<or> nbd <or> ceph", false),
            ("open source", "<in> source", true),
            ("100.00", ">= 50", true),
            ("10.00", ">= 50", false),
            ("nbd", ">= 50", false),
            ("nbd", "s!= ceph", true),
        ] {
            assert_eq!(fits(has, wanted), expect, "{has} {wanted}");
        }
    }
}
