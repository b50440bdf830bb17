//! What compute calls: [`ports::Placer`] over the scheduler and the store.

use crate::{
    PlacementError,
    model::{self, Allocation, HostCells, Inventory, Provider, ProviderId, Reported, book, unbook, without},
    ops::providers,
    scheduler::{self, Asked, weighers::Weights},
};
use kernel::{HostName, Result, Timestamp};
use ports::{CellFit, Claim, Domain, Labels, Misfit, PlaceRequest, Placer, Refusals};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use store::{Snapshot, Tx};

/// How a new host's inventory is made of what its agent reports; the defaults are Nova's `initial_*_allocation_ratio` and
/// `reserved_host_*`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ratios {
    pub cpu_allocation_ratio: f64,
    pub ram_allocation_ratio: f64,
    pub disk_allocation_ratio: f64,
    pub reserved_cpus: u64,
    pub reserved_memory_mib: u64,
    pub reserved_disk_gib: u64,
    /// The zone of a host that no aggregate puts elsewhere.
    pub default_zone: String,
}

impl Default for Ratios {
    fn default() -> Self {
        Self {
            cpu_allocation_ratio: 4.0,
            ram_allocation_ratio: 1.0,
            disk_allocation_ratio: 1.0,
            reserved_cpus: 0,
            reserved_memory_mib: 512,
            reserved_disk_gib: 0,
            default_zone: "nova".into(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    pub ratios: Ratios,
    pub weights: Weights,
}

impl Scheduler {
    /// The hosts worth a look, in order; the scheduler stops when it has seen enough of them.
    fn candidates<'a>(
        &self,
        view: &'a Snapshot,
        request: &'a PlaceRequest,
    ) -> Box<dyn Iterator<Item = Arc<Provider>> + 'a> {
        let named = |hosts: &'a [HostName]| hosts.iter().filter_map(|h| view.get(&ProviderId::of_host(h)));
        if !request.only_hosts.is_empty() {
            return Box::new(named(&request.only_hosts));
        }
        if !request.same_as.is_empty() && !request.soft && request.domain == Domain::Host {
            return Box::new(named(&request.same_as));
        }
        let (index, prefix) = match &request.availability_zone {
            Some(zone) => (Provider::BY_ZONE, format!("{zone}/")),
            None => (Provider::BY_FREE, String::new()),
        };
        let asked = request.resources.get("MEMORY_MB").copied().unwrap_or(0);
        let fullest = format!("{prefix}{}", Provider::order(asked));
        let ranged: Box<dyn Iterator<Item = _>> = match self.weights.packs() {
            true => Box::new(view.range_back(index, &fullest)),
            false => Box::new(view.range_by(index, &prefix, "")),
        };
        let ranged = ranged.take_while(move |(value, _)| value.starts_with(&prefix));
        Box::new(named(&request.same_as).chain(ranged.filter_map(|(_, key)| view.get(key))))
    }

    fn inventories(&self, report: &ports::Inventory) -> BTreeMap<String, Inventory> {
        let r = &self.ratios;
        let dedicated: usize = report.cells.iter().map(|cell| cell.dedicated.len()).sum();
        let all = [
            ("VCPU".to_owned(), Inventory::plain(report.vcpus, r.reserved_cpus, r.cpu_allocation_ratio)),
            ("PCPU".to_owned(), Inventory::plain(dedicated as u64, 0, 1.0)),
            (
                "MEMORY_MB".to_owned(),
                Inventory::plain(report.memory_mib, r.reserved_memory_mib, r.ram_allocation_ratio),
            ),
            ("DISK_GB".to_owned(), Inventory::plain(report.disk_gib, r.reserved_disk_gib, r.disk_allocation_ratio)),
        ];
        all.into_iter().filter(|(_, inventory)| inventory.total > 0).collect()
    }
}

impl Scheduler {
    /// A provider for a host, under its name unless an operator has given that to another.
    fn new_host(&self, tx: &mut Tx, id: ProviderId, host: &HostName, now: Timestamp) -> Provider {
        let plain = host.to_string();
        let name = if providers::take_name(tx, &plain, &id) { plain } else { format!("{host} {id}") };
        let zone = self.ratios.default_zone.clone();
        Provider { host: Some(host.clone()), zone, ..Provider::new(id, name, now) }
    }
}

/// Gives a guest with wishes its cells of the host, decided again on what is validated at commit.
fn take_cells(tx: &mut Tx, host: &ProviderId, request: &PlaceRequest) -> Result<Vec<CellFit>> {
    let Some(wanted) = &request.topology else { return Ok(Vec::new()) };
    let known = tx.get::<HostCells>(host).ok_or(PlacementError::NoValidHost)?;
    let fits = scheduler::cells::fit(&known, wanted).map_err(|_| PlacementError::NoValidHost)?;
    tx.update::<HostCells>(host, |cells| drop(cells.taken.insert(request.consumer.clone(), fits.clone())));
    Ok(fits)
}

/// What one consumer had of a host's cells is another's.
fn rename_cells(tx: &mut Tx, host: &ProviderId, from: &str, to: &str) {
    let Some(fits) = tx.get::<HostCells>(host).and_then(|c| c.taken.get(from).cloned()) else { return };
    tx.update::<HostCells>(host, |cells| {
        cells.taken.remove(from);
        cells.taken.insert(to.to_owned(), fits);
    });
}

impl Placer for Scheduler {
    fn claim(&self, tx: &mut Tx, request: &PlaceRequest, now: Timestamp) -> Result<Claim> {
        // What the consumer has already is in the way of none but others.
        let before = tx.get::<Allocation>(&request.consumer);
        unbook(tx, &request.consumer)?;
        let asked = Asked::new(request, tx.view());
        let chosen = scheduler::choose(&asked, &self.weights, self.candidates(tx.view(), request));
        let id = chosen.ok_or(PlacementError::NoValidHost)?.id.clone();
        // Only this read is validated at commit: if another member changed the host meanwhile, everything is decided again.
        let provider = tx.get::<Provider>(&id).ok_or(PlacementError::NoValidHost)?;
        let host = provider.host.clone().ok_or(PlacementError::NoValidHost)?;
        let claimed = request.resources.iter().filter(|(_, amount)| **amount > 0);
        let resources = claimed.map(|(class, amount)| (class.clone(), *amount)).collect();
        let cells = take_cells(tx, &id, request)?;
        let allocation = Allocation {
            consumer: request.consumer.clone(),
            consumer_type: "INSTANCE".into(),
            project: request.project.clone(),
            user: request.user.as_str().into(),
            generation: before.as_ref().map_or(1, |a| a.generation + 1),
            providers: [(id, resources)].into(),
            created: before.map_or(now, |a| a.created),
            updated: now,
        };
        book(tx, allocation, now)?;
        Ok(Claim { host, availability_zone: provider.zone.clone(), cells })
    }

    fn release(&self, tx: &mut Tx, consumer: &str) -> Result<()> {
        unbook(tx, consumer)
    }

    fn hand_over(&self, tx: &mut Tx, from: &str, to: &str, now: Timestamp) -> Result<()> {
        let Some(held) = tx.get::<Allocation>(from) else { return Ok(()) };
        for host in held.providers.keys() {
            rename_cells(tx, host, from, to);
        }
        unbook(tx, from)?;
        let consumer_type = if held.consumer_type == "INSTANCE" { "MIGRATION" } else { "INSTANCE" };
        let handed = Allocation {
            consumer: to.to_owned(),
            consumer_type: consumer_type.into(),
            created: now,
            updated: now,
            generation: 1,
            ..Allocation::clone(&held)
        };
        book(tx, handed, now)
    }

    fn keep(&self, tx: &mut Tx, consumer: &str, resources: &BTreeMap<String, u64>, now: Timestamp) -> Result<()> {
        let Some(held) = tx.get::<Allocation>(consumer) else { return Ok(()) };
        let kept = |has: &BTreeMap<String, u64>| -> BTreeMap<String, u64> {
            let both = has.iter().filter_map(|(class, had)| Some((class.clone(), *resources.get(class)?.min(had))));
            both.filter(|(_, amount)| *amount > 0).collect()
        };
        let providers: BTreeMap<_, _> = held.providers.iter().map(|(id, has)| (id.clone(), kept(has))).collect();
        if providers == held.providers {
            return Ok(());
        }
        book(tx, Allocation { providers, updated: now, ..Allocation::clone(&held) }, now)
    }

    fn report_inventory(&self, tx: &mut Tx, report: &ports::Inventory, now: Timestamp) -> Result<()> {
        let id = ProviderId::of_host(&report.host);
        let said = Reported { inventories: self.inventories(report), traits: report.traits.iter().cloned().collect() };
        let known = tx.get::<Provider>(&id);
        let mut provider = known.as_deref().cloned().unwrap_or_else(|| self.new_host(tx, id, &report.host, now));
        let id = provider.id.clone();
        if said.merge_into(&mut provider) {
            provider.raise(now);
            tx.put(provider);
        }
        let known = tx.get::<HostCells>(&id);
        if known.as_ref().is_none_or(|known| known.cells != report.cells) {
            // Guests keep what they have, also of cells that are told otherwise now.
            let taken = known.map(|known| known.taken.clone()).unwrap_or_default();
            tx.put(HostCells { provider: id, cells: report.cells.clone(), taken });
        }
        Ok(())
    }

    fn set_labels(&self, tx: &mut Tx, host: &HostName, labels: &Labels) -> Result<()> {
        let id = ProviderId::of_host(host);
        if tx.get::<Provider>(&id).is_some_and(|p| p.zone != labels.zone || p.labels != labels.labels) {
            tx.update::<Provider>(&id, |p| (p.zone, p.labels) = (labels.zone.clone(), labels.labels.clone()));
        }
        Ok(())
    }

    fn forget_host(&self, tx: &mut Tx, host: &HostName) -> Result<()> {
        let id = ProviderId::of_host(host);
        match tx.get::<Provider>(&id) {
            // Whatever was made below it goes with it, from the leaves on.
            Some(provider) => {
                let tree = model::subtree(tx.view(), provider);
                tree.iter().rev().try_for_each(|p| providers::forget(tx, p))
            }
            None => Ok(()),
        }
    }

    fn explain(&self, snapshot: &Snapshot, request: &PlaceRequest) -> Refusals {
        scheduler::explain(&Asked::new(request, snapshot), snapshot.all::<Provider>())
    }

    fn misfit(&self, snapshot: &Snapshot, request: &PlaceRequest, host: &HostName) -> Option<Misfit> {
        let Some(mut provider) = snapshot.get::<Provider>(&ProviderId::of_host(host)) else {
            return Some(Misfit { is_full: false, why: "placement does not know it".into() });
        };
        if let Some(held) = snapshot.get::<Allocation>(&request.consumer) {
            provider = Arc::new(without(&provider, &held));
        }
        scheduler::misfit(&Asked::new(request, snapshot), &provider)
    }

    fn used(&self, snapshot: &Snapshot, host: &HostName) -> BTreeMap<String, u64> {
        snapshot.get::<Provider>(&ProviderId::of_host(host)).map(|p| p.used.clone()).unwrap_or_default()
    }
}
