//! Availability zones: where aggregates and the hosts' own configuration put hosts.

use crate::{
    Compute,
    model::{Aggregate, ComputeHost},
    policy::{ZONES_DETAIL, ZONES_LIST},
};
use kernel::{Ctx, HostName, Result};
use policy::Authorize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use store::Snapshot;

/// One zone: whether a host of it takes servers, and its hosts.
#[derive(Default)]
pub(crate) struct Zone {
    pub(crate) available: bool,
    pub(crate) hosts: Vec<Arc<ComputeHost>>,
}

pub(crate) async fn list(c: &Compute, cx: &Ctx, detail: bool) -> Result<BTreeMap<String, Zone>> {
    let _permit = cx.authorize(if detail { &ZONES_DETAIL } else { &ZONES_LIST }, &())?;
    Ok(zones(c, &c.store.read().await?))
}

pub(crate) use crate::model::aggregate::zone_of;

/// Zones that take servers now.
pub(crate) fn available(c: &Compute, snapshot: &Snapshot) -> BTreeSet<String> {
    zones(c, snapshot).into_iter().filter(|(_, zone)| zone.available).map(|(name, _)| name).collect()
}

fn zones(c: &Compute, snapshot: &Snapshot) -> BTreeMap<String, Zone> {
    let mut of_host: BTreeMap<HostName, String> = BTreeMap::new();
    for aggregate in snapshot.all::<Aggregate>() {
        if let Some(zone) = aggregate.zone() {
            of_host.extend(aggregate.hosts.iter().map(|h| (h.clone(), zone.to_owned())));
        }
    }
    let alive = c.alive();
    let mut zones: BTreeMap<String, Zone> = BTreeMap::new();
    for host in snapshot.all::<ComputeHost>() {
        let name = of_host.get(&host.name).unwrap_or(&host.zone).clone();
        let zone = zones.entry(name).or_default();
        zone.available |= !host.disabled && !host.forced_down && alive.contains(&host.name);
        zone.hosts.push(host);
    }
    zones
}
