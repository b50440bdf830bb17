//! Counts again what was counted along the way.

use crate::model::{Allocation, Provider, ProviderId, Resources};
use kernel::Finding;
use std::collections::BTreeMap;
use store::Snapshot;

/// What is wrong; empty when all is well.
pub fn audit(snapshot: &Snapshot) -> Vec<Finding> {
    let mut sums: BTreeMap<ProviderId, Resources> = BTreeMap::new();
    let mut findings = Vec::new();
    for allocation in snapshot.all::<Allocation>() {
        for (provider, resources) in &allocation.providers {
            if !snapshot.contains::<Provider>(provider) {
                findings.push(wrong(&allocation.consumer, format!("it claims of the unknown provider {provider}")));
            }
            let sum = sums.entry(provider.clone()).or_default();
            for (class, amount) in resources {
                *sum.entry(class.clone()).or_default() += amount;
            }
        }
    }
    for provider in snapshot.all::<Provider>() {
        if let Some(parent) = provider.parent.as_ref().filter(|parent| !snapshot.contains::<Provider>(parent)) {
            findings.push(wrong(&provider.name, format!("its parent {parent} is unknown")));
        }
        let sum = sums.remove(&provider.id).unwrap_or_default();
        if sum != provider.used {
            let text = format!("its claims add up to {sum:?}, it counts {:?}", provider.used);
            findings.push(wrong(&provider.name, text));
        }
    }
    findings
}

fn wrong(what: &str, detail: String) -> Finding {
    Finding::bad(
        format!("placement: {what}"),
        detail,
        "report this: allocations are only ever written together with their sum",
    )
}
