use kernel::{FlavorId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::{Key, Object};

/// A size of server. A server keeps a copy of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flavor {
    pub id: FlavorId,
    /// Nova's own, which only lists of migrations show. 0: it was made before flavors had any.
    #[serde(default)]
    pub number: u64,
    pub name: String,
    pub vcpus: u32,
    pub ram_mib: u64,
    pub disk_gib: u64,
    pub ephemeral_gib: u64,
    pub swap_mib: u64,
    /// Shown until 2.101, means nothing.
    pub rxtx_factor: f64,
    pub public: bool,
    pub disabled: bool,
    pub description: Option<String>,
    pub extra_specs: BTreeMap<String, String>,
    /// Projects that may use it if it is not public.
    pub access: BTreeSet<ProjectId>,
    pub created: Timestamp,
    pub updated: Timestamp,
}

impl Flavor {
    /// The space of [`store::Unique`] in which its name is claimed.
    pub const NAMES: &'static str = "compute.flavor.name";

    pub fn usable_by(&self, project: &ProjectId) -> bool {
        self.public || self.access.contains(project)
    }

    /// The extra specs that limit a guest, and may change while it runs.
    pub fn limits(&self) -> impl Iterator<Item = (&String, &String)> {
        self.extra_specs.iter().filter(|(key, _)| is_limit(key))
    }

    /// The same flavor with the limits of another.
    pub fn limited_as(&self, other: &Self) -> Self {
        let mut new = self.clone();
        new.extra_specs.retain(|key, _| !is_limit(key));
        new.extra_specs.extend(other.limits().map(|(key, value)| (key.clone(), value.clone())));
        new
    }
}

fn is_limit(key: &str) -> bool {
    key.starts_with("quota:")
}

impl Object for Flavor {
    const KIND: &'static str = "compute.flavor";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}
