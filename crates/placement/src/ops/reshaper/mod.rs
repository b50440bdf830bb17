//! Moving inventories and what is allocated of them between providers, at once.

mod reshape;

pub(crate) use reshape::reshape;
