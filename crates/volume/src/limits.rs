//! What the QoS specs of a volume's type let a guest do with it, where the front end (the hypervisor) enforces them.
//!
//! `total_iops_sec` and its like are limits; with `_per_gb` at the end they grow with the volume, and are at least what the same with
//! `_per_gb_min` says. A rate of zero is none.

use crate::model::{QosSpecs, Volume, VolumeType};
use kernel::VolumeId;
use ports::DiskLimits;
use std::collections::BTreeMap;
use store::{Batch, Snapshot as View};

pub(crate) fn of(view: &View, volume: &VolumeId) -> DiskLimits {
    let Some(volume) = view.get::<Volume>(volume) else { return DiskLimits::default() };
    let qos = view.get::<VolumeType>(&volume.volume_type).and_then(|t| t.qos.clone());
    let specs = qos.and_then(|id| view.get::<QosSpecs>(&id)).filter(|q| q.consumer != "back-end");
    specs.map(|q| read(&q.specs, volume.size_gib)).unwrap_or_default()
}

/// Specs, what types they are for, the types of volumes and their sizes.
pub(crate) fn changed(batch: &Batch) -> bool {
    let of_volume = |v: Option<&Volume>| v.map(|v| (v.volume_type.clone(), v.size_gib));
    batch.of::<QosSpecs>().next().is_some()
        || batch.of::<VolumeType>().any(|c| c.old.map(|t| t.qos.clone()) != c.new.map(|t| t.qos.clone()))
        || batch.of::<Volume>().any(|c| c.old.is_some() && of_volume(c.old.as_deref()) != of_volume(c.new.as_deref()))
}

fn read(specs: &BTreeMap<String, String>, size_gib: u64) -> DiskLimits {
    let number = |key: &str| specs.get(key).and_then(|v| v.trim().parse::<u64>().ok());
    let limit = |name: &str| {
        let grown = number(&format!("{name}_per_gb")).map(|n| n.saturating_mul(size_gib));
        let least = number(&format!("{name}_per_gb_min")).unwrap_or(0);
        let rate = grown.map(|n| n.max(least)).or_else(|| number(name));
        rate.filter(|n| *n > 0)
    };
    // QEMU takes a total or its parts.
    let (total_bytes, total_iops) = (limit("total_bytes_sec"), limit("total_iops_sec"));
    let part = |total: Option<u64>, name: &str| limit(name).filter(|_| total.is_none());
    DiskLimits {
        total_bytes,
        read_bytes: part(total_bytes, "read_bytes_sec"),
        write_bytes: part(total_bytes, "write_bytes_sec"),
        total_iops,
        read_iops: part(total_iops, "read_iops_sec"),
        write_iops: part(total_iops, "write_iops_sec"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_rates_by_themselves_or_by_size() {
        let check = |specs: &[(&str, &str)], expect: DiskLimits| {
            let specs = specs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!(read(&specs, 10), expect, "{specs:?}");
        };
        let none = DiskLimits::default();
        check(&[], none);
        check(&[("total_iops_sec", "500")], DiskLimits { total_iops: Some(500), ..none });
        check(&[("write_bytes_sec", " 1048576 ")], DiskLimits { write_bytes: Some(1 << 20), ..none });
        check(&[("read_iops_sec", "0"), ("write_iops_sec", "many")], none);
        check(&[("read_iops_sec_per_gb", "30")], DiskLimits { read_iops: Some(300), ..none });
        let both = [("total_iops_sec", "500"), ("read_iops_sec", "100")];
        check(&both, DiskLimits { total_iops: Some(500), ..none });
        let with_least = [("read_iops_sec_per_gb", "30"), ("read_iops_sec_per_gb_min", "1000")];
        check(&with_least, DiskLimits { read_iops: Some(1000), ..none });
    }
}
