use super::{Inventory, Resources};
use kernel::{HostName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Index, IndexSink, Key, Object};

kernel::id_type! { ProviderId }

impl ProviderId {
    /// A compute host's provider: the same id whenever and wherever the host is reported, and the hypervisor's id in Nova.
    pub fn of_host(host: &HostName) -> Self {
        let space = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"tstack:compute-host");
        Self::from(uuid::Uuid::new_v5(&space, host.as_bytes()).to_string())
    }
}

/// Something that has resources; for now each is a compute host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    pub id: ProviderId,
    pub name: String,
    /// Set for compute hosts, which alone the scheduler looks at.
    pub host: Option<HostName>,
    pub parent: Option<ProviderId>,
    /// Raised by every change of inventories, traits or allocations.
    pub generation: u64,
    pub zone: String,
    pub inventories: BTreeMap<String, Inventory>,
    pub traits: BTreeSet<String>,
    pub aggregates: BTreeSet<String>,
    /// The sum of all allocations.
    pub used: Resources,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl Provider {
    pub const BY_NAME: Index<Provider> = Index::new(0);
    /// Compute hosts, most free memory first.
    pub const BY_FREE: Index<Provider> = Index::new(1);
    /// The same within each zone: `zone/…`.
    pub const BY_ZONE: Index<Provider> = Index::new(2);

    pub fn used(&self, class: &str) -> u64 {
        self.used.get(class).copied().unwrap_or(0)
    }

    pub fn capacity(&self, class: &str) -> u64 {
        self.inventories.get(class).map_or(0, Inventory::capacity)
    }

    pub fn free(&self, class: &str) -> u64 {
        self.capacity(class).saturating_sub(self.used(class))
    }

    /// The part that is free, 0 to 1.
    pub fn free_share(&self, class: &str) -> f64 {
        match self.capacity(class) {
            0 => 0.0,
            capacity => self.free(class) as f64 / capacity as f64,
        }
    }

    /// What is missing for all of these, in words; `None` if they fit.
    pub fn refusal(&self, resources: &Resources) -> Option<String> {
        resources.iter().find_map(|(class, amount)| match self.inventories.get(class) {
            Some(inventory) => inventory.refusal(class, *amount, self.used(class)),
            None => Some(format!("it has no {class}")),
        })
    }
}

impl Object for Provider {
    const KIND: &'static str = "placement.provider";
    const INDEXES: &'static [&'static str] = &["name", "free", "zone"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_NAME, &self.name);
        if self.host.is_some() {
            let order = format!("{:016x}", u64::MAX - self.free("MEMORY_MB"));
            sink.add(Self::BY_ZONE, format!("{}/{order}", self.zone));
            sink.add(Self::BY_FREE, order);
        }
    }
}
