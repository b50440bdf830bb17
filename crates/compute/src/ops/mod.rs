//! What the service does, one folder per resource, one file per verb: authorize, validate, one transaction.

pub mod hosts;
pub(crate) mod servers;
pub(crate) mod zones;
