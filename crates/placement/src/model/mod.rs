//! Providers, inventories and allocations: plain data, and the one function that books an allocation.

mod allocation;
mod book;
mod inventory;
mod names;
mod provider;

pub use allocation::{Allocation, Resources};
pub use book::{book, unbook};
pub use inventory::Inventory;
pub use names::{RESOURCE_CLASSES, STANDARD_TRAITS, is_resource_class};
pub use provider::{Provider, ProviderId};
