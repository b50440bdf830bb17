//! What the service does, one folder per resource, one file per verb: authorize, validate, one transaction.

pub(crate) mod actions;
pub(crate) mod aggregates;
pub(crate) mod attachments;
pub(crate) mod consoles;
pub(crate) mod events;
pub(crate) mod flavors;
pub(crate) mod groups;
pub mod hosts;
pub(crate) mod hypervisors;
pub(crate) mod interfaces;
pub(crate) mod keypairs;
pub mod maintenance;
pub(crate) mod migrations;
pub(crate) mod quotas;
pub(crate) mod servers;
pub(crate) mod services;
pub(crate) mod shares;
pub(crate) mod usage;
pub(crate) mod zones;

use serde_json::Value;

/// What Nova's schemas let through as a boolean: JSON's own, and its words.
pub(crate) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(is) => *is,
        Value::String(text) => matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "on" | "yes"),
        _ => false,
    }
}
