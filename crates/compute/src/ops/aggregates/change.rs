use super::{check_pinned, check_zone, find_in, relabel};
use crate::{
    Compute, ComputeError,
    model::{Aggregate, ComputeHost},
    policy::{AGGREGATES_ADD_HOST, AGGREGATES_METADATA, AGGREGATES_REMOVE_HOST, AGGREGATES_UPDATE},
};
use kernel::{Ctx, HostName, Result};
use policy::{Authorize, Rule};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use store::Tx;

/// What can be changed of an aggregate.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Update {
        name: Option<String>,
        zone: Option<Option<String>>,
    },
    AddHost(HostName),
    RemoveHost(HostName),
    /// A null takes an item away.
    Metadata(BTreeMap<String, Option<String>>),
}

impl Change {
    fn rule(&self) -> &'static Rule {
        match self {
            Self::Update { .. } => &AGGREGATES_UPDATE,
            Self::AddHost(_) => &AGGREGATES_ADD_HOST,
            Self::RemoveHost(_) => &AGGREGATES_REMOVE_HOST,
            Self::Metadata(_) => &AGGREGATES_METADATA,
        }
    }
}

pub(crate) async fn change(c: &Compute, cx: &Ctx, number: u64, change: Change) -> Result<Arc<Aggregate>> {
    let _permit = cx.authorize(change.rule(), &())?;
    let (service, now) = (c.clone(), cx.now());
    let changed = c.store.transact("compute.aggregate.change", move |tx| {
        let old = find_in(tx, number)?;
        let mut new = Aggregate::clone(&old);
        new.updated = Some(now);
        apply(tx, &mut new, &change)?;
        if old.zone() != new.zone() {
            check_pinned(tx, &new.hosts, number)?;
        }
        if let Some(zone) = new.zone() {
            check_zone(tx, number, zone, &new.hosts)?;
        }
        let concerned: BTreeSet<HostName> = old.hosts.union(&new.hosts).cloned().collect();
        let new = tx.put(new);
        relabel(&service, tx, concerned.iter())?;
        Ok(new)
    });
    changed.await
}

fn apply(tx: &mut Tx, aggregate: &mut Aggregate, change: &Change) -> Result<()> {
    let number = aggregate.number;
    match change {
        Change::Update { name, zone } => {
            if let Some(name) = name.as_ref().filter(|n| **n != aggregate.name) {
                let claimed = tx.claim_unique(Aggregate::NAMES, name, &aggregate.uuid);
                claimed.map_err(|_| ComputeError::AggregateExists(name.clone()))?;
                tx.release_unique(Aggregate::NAMES, &aggregate.name, &aggregate.uuid);
                aggregate.name.clone_from(name);
            }
            match zone {
                None => {}
                Some(Some(zone)) => drop(aggregate.metadata.insert(Aggregate::ZONE.into(), zone.clone())),
                Some(None) => drop(aggregate.metadata.remove(Aggregate::ZONE)),
            }
        }
        Change::AddHost(host) => {
            tx.get::<ComputeHost>(host).ok_or_else(|| ComputeError::NoComputeHost(host.to_string()))?;
            if aggregate.zone().is_some() {
                check_pinned(tx, &[host.clone()].into(), number)?;
            }
            if !aggregate.hosts.insert(host.clone()) {
                return Err(ComputeError::HostInAggregate(number, host.to_string()).into());
            }
        }
        Change::RemoveHost(host) => {
            if aggregate.zone().is_some() {
                check_pinned(tx, &[host.clone()].into(), number)?;
            }
            if !aggregate.hosts.remove(host) {
                return Err(ComputeError::NoHostInAggregate(number, host.to_string()).into());
            }
        }
        Change::Metadata(items) => {
            for (key, value) in items {
                match value {
                    Some(value) => drop(aggregate.metadata.insert(key.clone(), value.clone())),
                    None => drop(aggregate.metadata.remove(key)),
                }
            }
        }
    }
    Ok(())
}
