//! A placer that gives the host with the fewest servers.

use compute::model::ComputeHost;
use kernel::{Error, HostName, Result, Timestamp};
use ports::{Claim, Inventory, Labels, PlaceRequest, Placer, Refusals};
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

impl Placer for FakePlacer {
    fn claim(&self, tx: &mut Tx, request: &PlaceRequest, _: Timestamp) -> Result<Claim> {
        let claims: Vec<_> = tx.view().all::<Claimed>().filter(|c| c.consumer != request.consumer).collect();
        let fits = |host: &&HostName| {
            (request.only_hosts.is_empty() || request.only_hosts.contains(host))
                && !request.not_hosts.contains(host)
                && (request.soft || !request.different_from.contains(host))
                && (request.soft || request.same_as.is_empty() || request.same_as.contains(host))
        };
        let load = |host: &&HostName| {
            let wished = request.same_as.contains(host);
            (!wished, claims.iter().filter(|c| c.host == **host).count(), (*host).clone())
        };
        let view = tx.view();
        let hosts: Vec<_> = view.all::<ComputeHost>().map(|h| h.name.clone()).collect();
        let expected = |host: &&HostName| request.roster.load(view, host).is_some();
        let host = hosts.iter().filter(expected).filter(fits).min_by_key(load);
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
