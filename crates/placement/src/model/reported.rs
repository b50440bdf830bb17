//! What a host says of itself beside what operators say of its provider.
//!
//! ```text
//!   last report R ──┐
//!   next report R' ─┼─▶ merged: total, units    R' (what is there is there)
//!   provider now ───┘          reserved, ratio  R' unless an operator set another than R
//!                              traits           (now − R − COMPUTE_*) ∪ R'
//!                              other classes, aggregates: as they are
//! ```
//!
//! So an operator's `reserved`, `allocation_ratio`, traits and inventories of other classes survive every report, as they do
//! in Nova, and what only the host can know is put right again by the next one.

use super::{Inventory, Provider};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Traits of the host alone: an operator's `COMPUTE_…` says nothing that the host does not know better.
const OWNED: &str = "COMPUTE_";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    pub inventories: BTreeMap<String, Inventory>,
    pub traits: BTreeSet<String>,
}

impl Reported {
    /// Puts this report in force; false if it changes nothing, the provider's memory of it included.
    pub fn merge_into(self, provider: &mut Provider) -> bool {
        let before = provider.reported.take();
        // A provider of before there was a memory holds nothing but what was reported.
        let unremembered = || Self { inventories: provider.inventories.clone(), traits: provider.traits.clone() };
        let last = before.clone().unwrap_or_else(unremembered);
        let inventories = self.inventories(&last, provider);
        let traits = self.traits(&last, provider);
        let same = before.as_ref() == Some(&self) && inventories == provider.inventories && traits == provider.traits;
        (provider.inventories, provider.traits, provider.reported) = (inventories, traits, Some(self));
        !same
    }

    fn inventories(&self, last: &Self, provider: &Provider) -> BTreeMap<String, Inventory> {
        let mut merged = provider.inventories.clone();
        // A class that the host no longer reports goes, but never from under its allocations.
        merged.retain(|class, _| {
            self.inventories.contains_key(class) || !last.inventories.contains_key(class) || provider.used(class) > 0
        });
        for (class, new) in &self.inventories {
            let mut new = new.clone();
            if let (Some(now), Some(last)) = (provider.inventories.get(class), last.inventories.get(class)) {
                if now.reserved != last.reserved {
                    new.reserved = now.reserved.min(new.total);
                }
                if now.allocation_ratio != last.allocation_ratio {
                    new.allocation_ratio = now.allocation_ratio;
                }
            }
            merged.insert(class.clone(), new);
        }
        merged
    }

    fn traits(&self, last: &Self, provider: &Provider) -> BTreeSet<String> {
        let operators = provider.traits.iter().filter(|t| !last.traits.contains(*t) && !t.starts_with(OWNED));
        operators.chain(&self.traits).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Timestamp;

    fn said(vcpus: u64, traits: &[&str]) -> Reported {
        Reported {
            inventories: [("VCPU".to_owned(), Inventory::plain(vcpus, 0, 4.0))].into(),
            traits: traits.iter().map(|t| (*t).to_owned()).collect(),
        }
    }

    /// Reports, lets an operator change something, reports again.
    fn after(change: impl FnOnce(&mut Provider), again: Reported) -> (Provider, bool) {
        let mut provider = Provider::new("p".into(), "p".into(), Timestamp::default());
        assert!(said(4, &["COMPUTE_NODE"]).merge_into(&mut provider));
        change(&mut provider);
        let changed = again.merge_into(&mut provider);
        (provider, changed)
    }

    fn vcpu(provider: &mut Provider) -> &mut Inventory {
        provider.inventories.get_mut("VCPU").unwrap()
    }

    #[test]
    fn the_same_again_changes_nothing() {
        assert!(!after(|_| (), said(4, &["COMPUTE_NODE"])).1);
        // What an operator may set is no difference either.
        let kept = |p: &mut Provider| {
            (vcpu(p).reserved, vcpu(p).allocation_ratio) = (2, 1.5);
            p.inventories.insert("CUSTOM_LICENCE".into(), Inventory::plain(7, 0, 1.0));
            p.traits.insert("CUSTOM_GOLD".into());
        };
        assert!(!after(kept, said(4, &["COMPUTE_NODE"])).1);
    }

    #[test]
    fn what_operators_set_survives_what_they_cannot_know_does_not() {
        let meddled = |p: &mut Provider| {
            *vcpu(p) = Inventory { total: 999, max_unit: 1, reserved: 2, ..Inventory::plain(999, 0, 1.5) };
            p.traits = ["CUSTOM_GOLD".into(), "COMPUTE_TRUSTED_CERTS".into()].into();
        };
        let (mut provider, changed) = after(meddled, said(4, &["COMPUTE_NODE"]));
        let expect = Inventory { reserved: 2, ..Inventory::plain(4, 0, 1.5) };
        assert!(changed && *vcpu(&mut provider) == expect, "{provider:?}");
        assert_eq!(provider.traits, ["COMPUTE_NODE".to_owned(), "CUSTOM_GOLD".into()].into());
        // An inventory taken away is back.
        assert!(after(|p| p.inventories.clear(), said(4, &[])).0.inventories.contains_key("VCPU"));
    }

    #[test]
    fn a_new_report_is_taken_over() {
        let (mut provider, changed) = after(|_| (), said(8, &["HW_ARCH_X86_64"]));
        assert!(changed && vcpu(&mut provider).total == 8);
        assert_eq!(provider.traits, ["HW_ARCH_X86_64".to_owned()].into());
        // A class that is gone goes, unless something is allocated of it.
        let nothing = || Reported::default();
        assert!(after(|_| (), nothing()).0.inventories.is_empty());
        let used = |p: &mut Provider| p.used = [("VCPU".to_owned(), 1)].into();
        assert!(after(used, nothing()).0.inventories.contains_key("VCPU"));
    }
}
