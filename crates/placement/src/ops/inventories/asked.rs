use crate::{PlacementError, model::Inventory};
use kernel::Microversion;
use serde::Deserialize;

/// One inventory as clients write it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Asked {
    pub(super) resource_provider_generation: Option<i64>,
    total: u64,
    #[serde(default)]
    reserved: u64,
    #[serde(default = "one")]
    min_unit: u64,
    #[serde(default = "most")]
    max_unit: u64,
    #[serde(default = "one")]
    step_size: u64,
    #[serde(default = "plain")]
    allocation_ratio: f64,
}

fn one() -> u64 {
    1
}

fn most() -> u64 {
    2_147_483_647
}

fn plain() -> f64 {
    1.0
}

impl Asked {
    pub(crate) fn inventory(&self) -> Inventory {
        Inventory {
            total: self.total,
            reserved: self.reserved,
            min_unit: self.min_unit,
            max_unit: self.max_unit,
            step_size: self.step_size,
            allocation_ratio: self.allocation_ratio,
        }
    }

    /// The same if something can be allocated of it; from 1.26 on everything may be reserved.
    pub(super) fn usable(&self, class: &str, provider: &str, version: Microversion) -> Result<Inventory, String> {
        let real = (self.total as f64 - self.reserved as f64) * self.allocation_ratio;
        let (refused, relation) = if version.since(1, 26) {
            (real.trunc() < 0.0, "greater than")
        } else {
            (real.trunc() <= 0.0, "greater than or equal to")
        };
        if refused {
            return Err(format!(
                "Invalid inventory for '{class}' on resource provider '{provider}'. The reserved value is {relation} total."
            ));
        }
        Ok(self.inventory())
    }
}

/// A refusal in placement's words: what could not be done, and why.
pub(super) fn unable(to: &str, provider: &str, why: impl std::fmt::Display) -> PlacementError {
    PlacementError::Bad(format!("Unable to {to} inventory for resource provider {provider}: {why}"))
}

/// What an update of a provider that changed meanwhile is told.
pub(super) const CHANGED: &str = "resource provider generation conflict";
