//! Counts again what was counted along the way.

use crate::model::{Allocation, HostCells, Provider, ProviderId, Resources};
use kernel::Finding;
use ports::CellFit;
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
    findings.extend(snapshot.all::<HostCells>().flat_map(|host| cells(snapshot, &host)));
    findings
}

/// Cells are had by consumers that have an allocation on the host, and no processor by two.
fn cells(snapshot: &Snapshot, host: &HostCells) -> Vec<Finding> {
    let mut owners: BTreeMap<u32, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for (consumer, fits) in &host.taken {
        let allocated = snapshot.get::<Allocation>(consumer).is_some_and(|a| a.providers.contains_key(&host.provider));
        if !allocated {
            let text = format!("it has NUMA cells of the provider {} and nothing else there", host.provider);
            findings.push(wrong(consumer, text));
        }
        for cpu in fits.iter().flat_map(CellFit::own_processors) {
            if let Some(other) = owners.insert(cpu, consumer) {
                findings.push(wrong(&host.provider, format!("processor {cpu} is {other}'s and {consumer}'s")));
            }
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
