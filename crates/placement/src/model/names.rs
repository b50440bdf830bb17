//! Names of resource classes and traits: the standard ones (of os-resource-classes and os-traits) are always there, those that
//! begin with `CUSTOM_` are objects of the store.
//!
//! A custom name cannot be removed while something uses it, and nothing can begin to use a name that is being removed: whoever
//! begins to use one writes its object (unchanged) in the same transaction, see [`crate::ops::names::touch`], so that of two members that remove and
//! use it at once one decides again.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::LazyLock};
use store::{Key, Object};

/// Every standard resource class.
pub const RESOURCE_CLASSES: &[&str] = &[
    "VCPU",
    "MEMORY_MB",
    "DISK_GB",
    "PCI_DEVICE",
    "SRIOV_NET_VF",
    "NUMA_SOCKET",
    "NUMA_CORE",
    "NUMA_THREAD",
    "NUMA_MEMORY_MB",
    "IPV4_ADDRESS",
    "VGPU",
    "VGPU_DISPLAY_HEAD",
    "NET_BW_EGR_KILOBIT_PER_SEC",
    "NET_BW_IGR_KILOBIT_PER_SEC",
    "PCPU",
    "MEM_ENCRYPTION_CONTEXT",
    "FPGA",
    "PGPU",
    "NET_PACKET_RATE_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
];

/// Every standard trait.
static TRAITS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| include_str!("traits.txt").lines().collect());

/// Marks a provider whose inventory is for all trees that share an aggregate with it.
pub const SHARING: &str = "MISC_SHARES_VIA_AGGREGATE";

pub fn standard_traits() -> impl Iterator<Item = &'static str> {
    TRAITS.iter().copied()
}

pub fn is_standard_trait(name: &str) -> bool {
    TRAITS.contains(name)
}

pub fn is_standard_class(name: &str) -> bool {
    RESOURCE_CLASSES.contains(&name)
}

pub fn is_custom(name: &str) -> bool {
    name.starts_with("CUSTOM_")
}

/// A resource class that an operator made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomClass {
    pub name: String,
    pub created: Timestamp,
}

/// A trait that an operator made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomTrait {
    pub name: String,
    pub created: Timestamp,
}

impl Object for CustomClass {
    const KIND: &'static str = "placement.resource_class";
    fn key(&self) -> Key {
        self.name.as_str().into()
    }
}

impl Object for CustomTrait {
    const KIND: &'static str = "placement.trait";
    fn key(&self) -> Key {
        self.name.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_names_are_none_of_operators() {
        assert!(standard_traits().chain(RESOURCE_CLASSES.iter().copied()).all(|name| !is_custom(name)));
        assert!(is_standard_trait("HW_ARCH_X86_64") && is_standard_trait(SHARING) && !is_standard_trait(""));
    }
}
