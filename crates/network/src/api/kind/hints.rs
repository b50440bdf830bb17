//! `hints` of a port: `{"openvswitch": {"other_config": {"tx-steering": "thread"}}}`, and nothing else.

use super::{Read, shown};
use serde_json::{Map, Value};

pub(super) fn port(value: &Value) -> Read {
    for (driver, hints) in dict(value)? {
        known(driver, "openvswitch")?;
        for (group, settings) in dict(hints)? {
            known(group, "other_config")?;
            for (name, setting) in dict(settings)? {
                known(name, "tx-steering")?;
                if !matches!(setting.as_str(), Some("thread" | "hash")) {
                    return Err(format!("'{}' is not in ['thread', 'hash']", shown(setting)).into());
                }
            }
        }
    }
    Ok(value.clone())
}

fn dict(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("'{}' is not a dictionary", shown(value)))
}

fn known(key: &str, expected: &str) -> Result<(), String> {
    if key == expected {
        return Ok(());
    }
    Err(format!("Validation of dictionary's keys failed. Expected keys: {{'{expected}'}} Provided keys: {{'{key}'}}"))
}
