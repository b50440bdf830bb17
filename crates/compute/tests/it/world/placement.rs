//! A placer that gives the host with the fewest servers, of those whose memory is enough.

use compute::model::ComputeHost;
use kernel::{Error, HostName, Result, Timestamp};
use ports::{Claim, Inventory, Labels, Misfit, PlaceRequest, Placer, Refusals};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Key, Object, Snapshot, Tx};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claimed {
    pub consumer: String,
    pub host: HostName,
    pub resources: BTreeMap<String, u64>,
}

impl Object for Claimed {
    const KIND: &'static str = "test.claim";
    fn key(&self) -> Key {
        self.consumer.as_str().into()
    }
}

pub struct FakePlacer;

/// Why not this host.
fn misfit(view: &Snapshot, request: &PlaceRequest, host: &HostName) -> Option<Misfit> {
    let refused = |why: &str| Some(Misfit { is_full: false, why: why.to_owned() });
    if request.roster.load(view, host).is_none() {
        return refused("it is disabled or away");
    }
    if !request.only_hosts.is_empty() && !request.only_hosts.contains(host) || request.not_hosts.contains(host) {
        return refused("another was asked for");
    }
    if let Some(why) = request.unfit.get(host) {
        return refused(why);
    }
    let together = request.same_as.is_empty() || request.same_as.contains(host);
    if !request.soft && (request.different_from.contains(host) || !together) {
        return refused("the others of its group");
    }
    let others = view.all::<Claimed>().filter(|c| c.host == *host && c.consumer != request.consumer);
    let memory = |resources: &BTreeMap<String, u64>| resources.get("MEMORY_MB").copied().unwrap_or(0);
    let used: u64 = others.map(|c| memory(&c.resources)).sum();
    let has = view.get::<ComputeHost>(host)?.capabilities.memory_mib;
    let why = || format!("{} of {has} MiB are free", has.saturating_sub(used));
    (used + memory(&request.resources) > has).then(|| Misfit { is_full: true, why: why() })
}

impl Placer for FakePlacer {
    fn claim(&self, tx: &mut Tx, request: &PlaceRequest, _: Timestamp) -> Result<Claim> {
        let claims: Vec<_> = tx.view().all::<Claimed>().filter(|c| c.consumer != request.consumer).collect();
        let load = |host: &&HostName| {
            let wished = request.same_as.contains(host);
            (!wished, claims.iter().filter(|c| c.host == **host).count(), (*host).clone())
        };
        let view = tx.view();
        let hosts: Vec<_> = view.all::<ComputeHost>().map(|h| h.name.clone()).collect();
        let host = hosts.iter().filter(|host| misfit(view, request, host).is_none()).min_by_key(load);
        let host = host.ok_or_else(|| {
            let text = "No valid host was found. There are not enough hosts available.";
            Error::conflict(text).with_code("NoValidHost")
        })?;
        let (consumer, resources) = (request.consumer.clone(), request.resources.clone());
        tx.put(Claimed { consumer, host: host.clone(), resources });
        Ok(Claim { host: host.clone(), availability_zone: "nova".into(), cells: Vec::new() })
    }

    fn release(&self, tx: &mut Tx, consumer: &str) -> Result<()> {
        tx.delete::<Claimed>(consumer);
        Ok(())
    }

    fn hand_over(&self, tx: &mut Tx, from: &str, to: &str, _: Timestamp) -> Result<()> {
        if let Some(held) = tx.get::<Claimed>(from) {
            tx.delete::<Claimed>(from);
            tx.put(Claimed { consumer: to.to_owned(), ..Claimed::clone(&held) });
        }
        Ok(())
    }

    fn keep(&self, tx: &mut Tx, consumer: &str, resources: &BTreeMap<String, u64>, _: Timestamp) -> Result<()> {
        tx.update::<Claimed>(consumer, |claimed| {
            claimed.resources.retain(|class, _| resources.contains_key(class));
            claimed.resources.iter_mut().for_each(|(class, had)| *had = resources[class].min(*had));
        });
        Ok(())
    }

    fn report_inventory(&self, _: &mut Tx, _: &Inventory, _: Timestamp) -> Result<()> {
        Ok(())
    }

    fn set_labels(&self, _: &mut Tx, _: &HostName, _: &Labels) -> Result<()> {
        Ok(())
    }

    fn forget_host(&self, _: &mut Tx, _: &HostName) -> Result<()> {
        Ok(())
    }

    fn explain(&self, view: &Snapshot, request: &PlaceRequest) -> Refusals {
        let expected = view.all::<ComputeHost>().filter(|h| request.roster.load(view, &h.name).is_some());
        Refusals { hosts: expected.map(|h| (h.name.clone(), "it does not fit".into())).collect(), nearest: None }
    }

    fn misfit(&self, view: &Snapshot, request: &PlaceRequest, host: &HostName) -> Option<Misfit> {
        misfit(view, request, host)
    }

    fn used(&self, snapshot: &Snapshot, host: &HostName) -> BTreeMap<String, u64> {
        let mut used = BTreeMap::new();
        for claim in snapshot.all::<Claimed>().filter(|c| c.host == *host) {
            for (class, amount) in &claim.resources {
                *used.entry(class.clone()).or_default() += amount;
            }
        }
        used
    }
}
