//! The only writer of allocations and of what providers count as used.

use super::{Allocation, Provider, ProviderId, Resources};
use kernel::{Result, Timestamp};
use store::Tx;

/// Writes an allocation in place of any the consumer had, with the counts of all providers it touches. Whether it fits is
/// the caller's decision, made in this transaction.
pub fn book(tx: &mut Tx, mut allocation: Allocation, now: Timestamp) -> Result<()> {
    let before = tx.get::<Allocation>(&allocation.consumer);
    if let Some(before) = &before {
        allocation.generation = before.generation + 1;
        allocation.created = before.created;
        for (provider, resources) in &before.providers {
            count(tx, provider, resources, now, |used, amount| used.saturating_sub(amount));
        }
    }
    for (provider, resources) in &allocation.providers {
        count(tx, provider, resources, now, u64::saturating_add);
    }
    tx.put(allocation);
    Ok(())
}

/// Gives back all that a consumer has.
pub fn unbook(tx: &mut Tx, consumer: &str) -> Result<()> {
    let Some(allocation) = tx.get::<Allocation>(consumer) else { return Ok(()) };
    for (provider, resources) in &allocation.providers {
        count(tx, provider, resources, allocation.updated, |used, amount| used.saturating_sub(amount));
    }
    tx.delete::<Allocation>(consumer);
    Ok(())
}

fn count(tx: &mut Tx, provider: &ProviderId, resources: &Resources, now: Timestamp, f: impl Fn(u64, u64) -> u64) {
    tx.update::<Provider>(provider, |p| {
        for (class, amount) in resources {
            let used = p.used.entry(class.clone()).or_default();
            *used = f(*used, *amount);
        }
        p.used.retain(|_, used| *used > 0);
        p.generation += 1;
        p.updated = p.updated.max(now);
    });
}
