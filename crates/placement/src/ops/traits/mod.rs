//! Traits of a provider.

mod replace;

pub(crate) use replace::{delete_all, replace};
