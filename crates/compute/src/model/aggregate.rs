use super::ComputeHost;
use kernel::{HostName, Timestamp};
use ports::Labels;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Key, Object, Snapshot};

/// A set of hosts; one with `availability_zone` in its metadata makes that zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    pub number: u64,
    pub uuid: String,
    pub name: String,
    pub hosts: BTreeSet<HostName>,
    pub metadata: BTreeMap<String, String>,
    pub created: Timestamp,
    pub updated: Option<Timestamp>,
}

impl Aggregate {
    pub const NAMES: &'static str = "compute.aggregate.name";
    pub const ZONE: &'static str = "availability_zone";

    pub fn zone(&self) -> Option<&str> {
        self.metadata.get(Self::ZONE).map(String::as_str)
    }
}

impl Object for Aggregate {
    const KIND: &'static str = "compute.aggregate";
    fn key(&self) -> Key {
        format!("{:08}", self.number).into()
    }
}

/// The zone of a host: an aggregate's, or its own.
pub fn zone_of(view: &Snapshot, host: &ComputeHost) -> String {
    let mut having = view.all::<Aggregate>().filter(|a| a.hosts.contains(&host.name));
    having.find_map(|a| a.zone().map(str::to_owned)).unwrap_or_else(|| host.zone.clone())
}

/// Where a host is and what is said of it: by its aggregates, and by itself where they are silent.
pub fn labels_of(view: &Snapshot, host: &ComputeHost) -> Labels {
    let mut labels = Labels { zone: zone_of(view, host), labels: BTreeMap::new() };
    let having: Vec<_> = view.all::<Aggregate>().filter(|a| a.hosts.contains(&host.name)).collect();
    for (key, value) in having.iter().flat_map(|a| &a.metadata).filter(|(key, _)| *key != Aggregate::ZONE) {
        labels.labels.entry(key.clone()).or_default().insert(value.clone());
    }
    for (key, value) in &host.labels {
        labels.labels.entry(key.clone()).or_insert_with(|| [value.clone()].into());
    }
    labels
}
