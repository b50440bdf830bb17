use super::{Inventory, Reported, Resources, SHARING, is_custom};
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

/// Something that has resources: a compute host, or whatever an operator or a service makes one of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    pub id: ProviderId,
    pub name: String,
    /// Set for compute hosts, which alone the scheduler looks at.
    pub host: Option<HostName>,
    pub parent: Option<ProviderId>,
    /// Raised by every change of inventories, traits, aggregates and by what is allocated.
    pub generation: u64,
    pub zone: String,
    /// A host's own labels and the metadata of its aggregates.
    #[serde(default)]
    pub labels: BTreeMap<String, BTreeSet<String>>,
    pub inventories: BTreeMap<String, Inventory>,
    pub traits: BTreeSet<String>,
    pub aggregates: BTreeSet<String>,
    /// The sum of all allocations.
    pub used: Resources,
    /// What the host last said, where it is one.
    #[serde(default)]
    pub reported: Option<Reported>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl Provider {
    pub const BY_NAME: Index<Provider> = Index::new(0);
    /// Compute hosts, most free memory first.
    pub const BY_FREE: Index<Provider> = Index::new(1);
    /// The same within each zone: `zone/…`.
    pub const BY_ZONE: Index<Provider> = Index::new(2);
    pub const BY_PARENT: Index<Provider> = Index::new(3);
    pub const BY_AGGREGATE: Index<Provider> = Index::new(4);
    /// By custom trait, and by [`SHARING`]: the others are on every host, and nobody asks for them alone.
    pub const BY_TRAIT: Index<Provider> = Index::new(5);
    /// By custom resource class.
    pub const BY_CLASS: Index<Provider> = Index::new(6);

    /// Nothing yet.
    pub fn new(id: ProviderId, name: String, now: Timestamp) -> Self {
        Self {
            id,
            name,
            host: None,
            parent: None,
            generation: 0,
            zone: String::new(),
            labels: [].into(),
            inventories: [].into(),
            traits: [].into(),
            aggregates: [].into(),
            used: [].into(),
            reported: None,
            created: now,
            updated: now,
        }
    }

    /// Whether all of these fit beside what is used.
    pub fn has_room(&self, resources: &Resources) -> bool {
        let fits = |(class, amount): (&String, &u64)| {
            self.inventories.get(class).is_some_and(|i| i.refusal(class, *amount, self.used(class)).is_none())
        };
        resources.iter().all(fits)
    }

    /// Where a host with so much free memory stands in [`Provider::BY_FREE`].
    pub fn order(free_mib: u64) -> String {
        format!("{:016x}", u64::MAX - free_mib)
    }

    /// The next generation.
    pub fn raise(&mut self, now: Timestamp) {
        self.generation += 1;
        self.updated = now;
    }

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
}

impl Object for Provider {
    const KIND: &'static str = "placement.provider";
    const INDEXES: &'static [&'static str] = &["name", "free", "zone", "parent", "aggregate", "trait", "class"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_NAME, &self.name);
        if self.host.is_some() {
            let order = Self::order(self.free("MEMORY_MB"));
            sink.add(Self::BY_ZONE, format!("{}/{order}", self.zone));
            sink.add(Self::BY_FREE, order);
        }
        if let Some(parent) = &self.parent {
            sink.add(Self::BY_PARENT, parent);
        }
        for aggregate in &self.aggregates {
            sink.add(Self::BY_AGGREGATE, aggregate);
        }
        for name in self.traits.iter().filter(|name| is_custom(name) || *name == SHARING) {
            sink.add(Self::BY_TRAIT, name);
        }
        for class in self.inventories.keys().filter(|class| is_custom(class)) {
            sink.add(Self::BY_CLASS, class);
        }
    }
}
