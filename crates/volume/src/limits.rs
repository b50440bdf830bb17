//! What the QoS specs of a volume's type let guests do with it.
//!
//! The specs are [`IoLimits`]. A rate with `_per_gb` at the end grows with the volume; it is at least what the same with `_per_gb_min`
//! says and, as in Cinder, at most what the same with `_max` says, which is no burst then. A rate of zero is none.

use crate::model::{QosSpecs, Volume, VolumeType};
use kernel::VolumeId;
use ports::IoLimits;
use std::collections::BTreeMap;
use store::{Batch, Snapshot as View};

/// Whom Cinder calls the consumer of QoS specs. Both may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consumer {
    FrontEnd,
    BackEnd,
}

/// What the hypervisor lets each guest do with it.
pub(crate) fn of(view: &View, volume: &VolumeId) -> IoLimits {
    consumed(view, volume, Consumer::FrontEnd)
}

/// What it will let each guest do with a volume that is going to be of that type.
pub(crate) fn of_type(view: &View, of: &str, size_gib: u64) -> IoLimits {
    consumed_of_type(view, of, size_gib, Consumer::FrontEnd)
}

/// What its pool lets all who use it do together.
pub(crate) fn of_pool(view: &View, volume: &VolumeId) -> IoLimits {
    consumed(view, volume, Consumer::BackEnd)
}

fn consumed(view: &View, volume: &VolumeId, by: Consumer) -> IoLimits {
    view.get::<Volume>(volume).map(|v| consumed_of_type(view, &v.volume_type, v.size_gib, by)).unwrap_or_default()
}

fn consumed_of_type(view: &View, of: &str, size_gib: u64, by: Consumer) -> IoLimits {
    let qos = view.get::<VolumeType>(of).and_then(|t| t.qos.clone());
    let others = if by == Consumer::FrontEnd { "back-end" } else { "front-end" };
    let specs = qos.and_then(|id| view.get::<QosSpecs>(&id)).filter(|q| q.consumer != others);
    specs.map(|q| read(&q.specs, size_gib)).unwrap_or_default()
}

/// Specs, what types they are for, the types of volumes, their sizes and where they are.
pub(crate) fn changed(batch: &Batch) -> bool {
    let of_volume = |v: Option<&Volume>| v.map(|v| (v.volume_type.clone(), v.size_gib, v.pool.clone()));
    batch.of::<QosSpecs>().next().is_some()
        || batch.of::<VolumeType>().any(|c| c.old.map(|t| t.qos.clone()) != c.new.map(|t| t.qos.clone()))
        || batch.of::<Volume>().any(|c| c.old.is_some() && of_volume(c.old.as_deref()) != of_volume(c.new.as_deref()))
}

fn read(specs: &BTreeMap<String, String>, size_gib: u64) -> IoLimits {
    let number = |key: &str| specs.get(key).and_then(|v| v.trim().parse::<u64>().ok());
    let grown = |name: &str| {
        let rate = number(&format!("{name}_per_gb"))?.saturating_mul(size_gib);
        let least = number(&format!("{name}_per_gb_min")).unwrap_or(0);
        Some(rate.max(least).min(number(&format!("{name}_max")).unwrap_or(u64::MAX)))
    };
    let limit = |name: &'static str| match name.strip_suffix("_max") {
        Some(rate) if specs.contains_key(&format!("{rate}_per_gb")) => None,
        _ => grown(name).or_else(|| number(name)),
    };
    IoLimits::named(limit).fitted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_rates_by_themselves_or_by_size() {
        let check = |specs: &[(&str, &str)], expect: IoLimits| {
            let specs = specs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!(read(&specs, 10), expect, "{specs:?}");
        };
        let none = IoLimits::default();
        check(&[], none);
        check(&[("total_iops_sec", "500")], IoLimits { total_iops_sec: Some(500), ..none });
        check(&[("write_bytes_sec", " 1048576 ")], IoLimits { write_bytes_sec: Some(1 << 20), ..none });
        check(&[("read_iops_sec", "0"), ("write_iops_sec", "many")], none);
        check(&[("read_iops_sec_per_gb", "30")], IoLimits { read_iops_sec: Some(300), ..none });
        let both = [("total_iops_sec", "500"), ("read_iops_sec", "100")];
        check(&both, IoLimits { total_iops_sec: Some(500), ..none });
        let with_least = [("read_iops_sec_per_gb", "30"), ("read_iops_sec_per_gb_min", "1000")];
        check(&with_least, IoLimits { read_iops_sec: Some(1000), ..none });
        let with_most = [("read_iops_sec_per_gb", "30"), ("read_iops_sec_max", "200")];
        check(&with_most, IoLimits { read_iops_sec: Some(200), ..none });
        let bursts = [
            ("total_bytes_sec", "100"),
            ("total_bytes_sec_max", "900"),
            ("total_bytes_sec_max_length", "5"),
            ("write_iops_sec", "7"),
            ("size_iops_sec", "4096"),
        ];
        let expect = IoLimits {
            total_bytes_sec: Some(100),
            total_bytes_sec_max: Some(900),
            total_bytes_sec_max_length: Some(5),
            write_iops_sec: Some(7),
            size_iops_sec: Some(4096),
            ..none
        };
        check(&bursts, expect);
    }
}
