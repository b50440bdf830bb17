//! Providers, inventories and allocations: plain data, and the one function that books an allocation.

mod allocation;
mod book;
mod cells;
mod inventory;
mod names;
mod provider;
mod reported;
mod tree;

pub use allocation::{Allocation, Resources};
pub use book::{book, unbook, without};
pub(crate) use book::{give_back, leave_cells, settle};
pub use cells::HostCells;
pub use inventory::Inventory;
pub use names::{
    CustomClass, CustomTrait, RESOURCE_CLASSES, SHARING, is_custom, is_standard_class, is_standard_trait,
    standard_traits,
};
pub use provider::{Provider, ProviderId};
pub use reported::Reported;
pub use tree::{children, root, subtree};
