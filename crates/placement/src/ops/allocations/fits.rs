//! Whether allocations fit their providers, in placement's order and words.

use crate::model::{Provider, ProviderId, Resources};
use std::collections::BTreeMap;

/// What a set of allocations adds to one provider, part by part: the units bound each part, the capacity their sum.
pub(super) type Parts = Vec<(String, u64)>;

/// Why not; `before` is what was used before the consumers' former allocations were given back. More than the capacity may
/// be used if it is no more than before.
pub(super) fn refusal(provider: &Provider, parts: &Parts, before: &Resources) -> Option<String> {
    let invalid = |class: &str| format!("Inventory for '{class}' on resource provider '{}' invalid.", provider.id);
    if !parts.iter().any(|(class, _)| provider.inventories.contains_key(class)) {
        let classes: Vec<_> = parts.iter().map(|(class, _)| class.as_str()).collect();
        return Some(invalid(&classes.join(", ")));
    }
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (class, amount) in parts {
        let Some(inventory) = provider.inventories.get(class) else { return Some(invalid(class)) };
        let unable = |why: &str| {
            format!(
                "Unable to create allocation for '{class}' on resource provider '{}'. The requested amount would {why}.",
                provider.id
            )
        };
        let whole = amount.is_multiple_of(inventory.step_size.max(1));
        if *amount < inventory.min_unit || *amount > inventory.max_unit || !whole {
            return Some(unable("violate inventory constraints"));
        }
        let sum = sums.entry(class).or_default();
        *sum = sum.saturating_add(*amount);
        let used = provider.used(class).saturating_add(*sum);
        let no_worse = before.get(class).is_some_and(|before| used <= *before);
        if used > inventory.capacity() && !no_worse {
            return Some(unable("exceed the capacity"));
        }
    }
    None
}

/// All parts by provider.
pub(super) fn by_provider<'a>(
    all: impl Iterator<Item = &'a BTreeMap<ProviderId, Resources>>,
) -> BTreeMap<ProviderId, Parts> {
    let mut parts: BTreeMap<ProviderId, Parts> = BTreeMap::new();
    for (id, resources) in all.flatten() {
        parts.entry(id.clone()).or_default().extend(resources.iter().map(|(class, n)| (class.clone(), *n)));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Inventory;
    use kernel::Timestamp;

    #[test]
    fn allocations_fit_or_are_refused() {
        let check = |parts: &[(&str, u64)], before: u64, expect: Option<&str>| {
            let mut provider = Provider::new("p".into(), "p".into(), Timestamp::default());
            provider.inventories = [
                ("VCPU".to_owned(), Inventory::plain(10, 0, 1.0)),
                (
                    "DISK_GB".into(),
                    Inventory { min_unit: 10, max_unit: 50, step_size: 10, ..Inventory::plain(100, 0, 1.0) },
                ),
            ]
            .into();
            provider.used = [("VCPU".into(), 4)].into();
            let parts = parts.iter().map(|(class, n)| ((*class).to_owned(), *n)).collect();
            let told = refusal(&provider, &parts, &[("VCPU".into(), before)].into());
            assert_eq!(told.is_none(), expect.is_none(), "{parts:?}: {told:?}");
            assert!(told.is_none_or(|t| t.contains(expect.unwrap_or_default())), "{parts:?}");
        };
        check(&[("VCPU", 6), ("DISK_GB", 50)], 4, None);
        check(&[("VCPU", 7)], 4, Some("exceed the capacity"));
        check(&[("VCPU", 3), ("VCPU", 4)], 4, Some("exceed the capacity"));
        check(&[("VCPU", 7)], 12, None);
        check(&[("VCPU", 7)], 10, Some("exceed the capacity"));
        check(&[("DISK_GB", 60)], 4, Some("violate inventory constraints"));
        check(&[("DISK_GB", 5)], 4, Some("violate inventory constraints"));
        check(&[("DISK_GB", 15)], 4, Some("violate inventory constraints"));
        check(&[("DISK_GB", 50), ("DISK_GB", 50)], 4, None);
        check(&[("VGPU", 1)], 4, Some("Inventory for 'VGPU'"));
        check(&[("VCPU", 1), ("VGPU", 1)], 4, Some("Inventory for 'VGPU'"));
    }
}
