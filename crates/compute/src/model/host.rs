use super::Maintenance;
use crate::driver::HostCapabilities;
use kernel::{HostName, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Key, Object};

/// A host that has reported once: Nova's service `nova-compute` and its hypervisor in one. Whether its agent is connected
/// is not written anywhere; [`ports::HostCalls`] knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComputeHost {
    pub name: HostName,
    /// The service's number and UUID, for versions before and from 2.53 on.
    pub number: u64,
    pub service_id: String,
    /// Also the id of its resource provider.
    pub hypervisor_id: String,
    pub disabled: bool,
    pub disabled_reason: Option<String>,
    pub forced_down: bool,
    pub capabilities: HostCapabilities,
    pub address: String,
    /// The zone its agent was configured with; an aggregate may put the host elsewhere.
    pub zone: String,
    /// `rack`, `room` and what else its agent was configured with: failure domains, and what flavors may ask for.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    pub created: Timestamp,
    pub updated: Timestamp,
    /// Its servers leave it, or come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Maintenance>,
}

impl ComputeHost {
    /// The service's id, the same whenever the host is seen for the first time.
    pub fn service_id_of(host: &HostName) -> String {
        let space = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"tstack:compute-service");
        uuid::Uuid::new_v5(&space, host.as_bytes()).to_string()
    }

    /// Whether a guest that runs on the one finds the same processor on the other.
    pub fn has_cpu_of(&self, other: &Self) -> bool {
        let (mine, others) = (&self.capabilities.guest_cpu, &other.capabilities.guest_cpu);
        mine == others || mine.is_empty() || others.is_empty()
    }

    /// Whether a guest can be this machine here. A host that has not said is taken at its word.
    pub fn has_machine(&self, word: &str) -> bool {
        let machines = &self.capabilities.machines;
        machines.is_empty() || machines.contains_key(word)
    }

    /// The id that placement gives the host's provider.
    pub fn hypervisor_id_of(host: &HostName) -> String {
        let space = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, b"tstack:compute-host");
        uuid::Uuid::new_v5(&space, host.as_bytes()).to_string()
    }
}

impl Object for ComputeHost {
    const KIND: &'static str = "compute.host";
    fn key(&self) -> Key {
        self.name.as_str().into()
    }
}
