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

/// What is used up by the host alone: an operator's `COMPUTE_…` trait says nothing that the host does not know better.
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
