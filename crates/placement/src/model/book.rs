//! The only writer of allocations and of what providers count as used.
//!
//! Generations are placement's: a set of allocations raises the generation of each provider it names, once; what merely is
//! given back raises none.

use super::{Allocation, HostCells, Provider, ProviderId, Resources};
use kernel::{Result, Timestamp};
use std::{collections::BTreeSet, sync::Arc};
use store::Tx;

/// Writes an allocation in place of any the consumer had, with the counts of all providers it touches. Whether it fits is
/// the caller's decision, made in this transaction.
pub fn book(tx: &mut Tx, mut allocation: Allocation, now: Timestamp) -> Result<()> {
    if let Some(before) = tx.get::<Allocation>(&allocation.consumer) {
        allocation.generation = before.generation + 1;
        allocation.created = before.created;
        give_back(tx, [&before].into_iter());
    }
    settle(tx, vec![allocation], &[], now);
    Ok(())
}

/// Gives back all that a consumer has.
pub fn unbook(tx: &mut Tx, consumer: &str) -> Result<()> {
    if let Some(allocation) = tx.get::<Allocation>(consumer) {
        give_back(tx, [&allocation].into_iter());
        allocation.providers.keys().for_each(|provider| leave_cells(tx, provider, consumer));
    }
    Ok(())
}

/// What a consumer had of a host's cells is free again.
pub(crate) fn leave_cells(tx: &mut Tx, provider: &ProviderId, consumer: &str) {
    if tx.get::<HostCells>(provider).is_some_and(|c| c.taken.contains_key(consumer)) {
        tx.update::<HostCells>(provider, |c| drop(c.taken.remove(consumer)));
    }
}

/// Removes allocations and what providers count for them.
pub(crate) fn give_back<'a>(tx: &mut Tx, former: impl Iterator<Item = &'a Arc<Allocation>>) {
    for allocation in former {
        for (provider, resources) in &allocation.providers {
            tx.update::<Provider>(provider, |p| count(p, resources, u64::saturating_sub));
        }
        tx.delete::<Allocation>(&allocation.consumer);
    }
}

/// Writes allocations of consumers that have none (any more), and raises the generation of every provider that they name or
/// that consumers emptied on purpose named.
pub(crate) fn settle(tx: &mut Tx, allocations: Vec<Allocation>, emptied: &[Arc<Allocation>], now: Timestamp) {
    let mut touched: BTreeSet<ProviderId> = emptied.iter().flat_map(|a| a.providers.keys().cloned()).collect();
    for allocation in allocations {
        for (provider, resources) in &allocation.providers {
            tx.update::<Provider>(provider, |p| count(p, resources, u64::saturating_add));
            touched.insert(provider.clone());
        }
        tx.put(allocation);
    }
    for provider in touched {
        tx.update::<Provider>(&provider, |p| {
            p.generation += 1;
            p.updated = p.updated.max(now);
        });
    }
}

/// A provider as it would be without what a consumer has of it.
pub fn without(provider: &Provider, held: &Allocation) -> Provider {
    let mut free = provider.clone();
    if let Some(resources) = held.providers.get(&provider.id) {
        count(&mut free, resources, u64::saturating_sub);
    }
    free
}

fn count(provider: &mut Provider, resources: &Resources, f: impl Fn(u64, u64) -> u64) {
    for (class, amount) in resources {
        let used = provider.used.entry(class.clone()).or_default();
        *used = f(*used, *amount);
    }
    provider.used.retain(|_, used| *used > 0);
}
