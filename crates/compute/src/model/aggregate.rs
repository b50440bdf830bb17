use kernel::{HostName, Timestamp};
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

/// The zone that aggregates put a host into.
pub fn zone_of(snapshot: &Snapshot, host: &HostName) -> Option<String> {
    let mut having = snapshot.all::<Aggregate>().filter(|a| a.hosts.contains(host));
    having.find_map(|a| a.zone().map(str::to_owned))
}
