//! Aggregates of a provider: names that mean something to those who give them.

mod replace;

pub(crate) use replace::replace;
