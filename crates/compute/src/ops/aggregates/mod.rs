//! Host aggregates. One with a zone in its metadata puts its hosts there; placement is told in the same transaction.

mod change;
mod create;
mod delete;
mod images;
mod show;

pub(crate) use change::{Change, change};
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use images::cache_images;
pub(crate) use show::{list, show};

use crate::{
    Compute, ComputeError,
    model::{Aggregate, ComputeHost, Server, aggregate::labels_of},
};
use kernel::{HostName, Result};
use std::{collections::BTreeSet, sync::Arc};
use store::Tx;

fn find_in(tx: &mut Tx, number: u64) -> Result<Arc<Aggregate>> {
    tx.get::<Aggregate>(&format!("{number:08}")).ok_or_else(|| ComputeError::NoAggregate(number).into())
}

/// Tells placement, and the servers there, which zone each of these hosts is in now, and placement what aggregates say of it.
fn relabel<'a>(c: &Compute, tx: &mut Tx, hosts: impl Iterator<Item = &'a HostName>) -> Result<()> {
    for host in hosts {
        let Some(record) = tx.get::<ComputeHost>(host) else { continue };
        let labels = labels_of(tx.view(), &record);
        c.placer.set_labels(tx, host, &labels)?;
        let zone = labels.zone;
        for server in tx.by(Server::BY_HOST, host) {
            if server.availability_zone.as_ref() != Some(&zone) {
                tx.update::<Server>(&server.id, |s| s.availability_zone = Some(zone.clone()));
            }
        }
    }
    Ok(())
}

/// A host can be in one zone only: none of these may be in another aggregate that makes another zone.
fn check_zone(tx: &Tx, number: u64, zone: &str, hosts: &BTreeSet<HostName>) -> Result<()> {
    let contradicts = |a: &Arc<Aggregate>| a.number != number && a.zone().is_some_and(|z| z != zone);
    let other = tx.view().all::<Aggregate>().filter(contradicts).find(|a| !a.hosts.is_disjoint(hosts));
    let Some(other) = other else { return Ok(()) };
    let host = other.hosts.intersection(hosts).next().map(|h| h.to_string()).unwrap_or_default();
    Err(ComputeError::Conflict(format!(
        "Cannot perform action 'update' on aggregate {number}. Reason: One or more hosts already in availability zone(s) \
         {}: {host}.",
        other.zone().unwrap_or_default()
    ))
    .into())
}

/// Servers pinned to a zone would find themselves elsewhere.
fn check_pinned(tx: &Tx, hosts: &BTreeSet<HostName>, number: u64) -> Result<()> {
    let pinned = |host: &&HostName| tx.by(Server::BY_HOST, host).iter().any(|s| s.pinned_zone.is_some());
    match hosts.iter().find(pinned) {
        None => Ok(()),
        Some(host) => Err(ComputeError::Conflict(format!(
            "Cannot perform action on aggregate {number}. Reason: host {host} has servers that are pinned to its availability \
             zone."
        ))
        .into()),
    }
}
