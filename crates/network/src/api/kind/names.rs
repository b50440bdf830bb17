//! Texts and names.

use super::{Read, shown};
use crate::error::NetError;
use serde_json::Value;

fn string(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("'{}' is not a valid string", shown(value)))
}

fn limited(value: &Value, max: usize) -> Result<&str, String> {
    let text = string(value)?;
    if text.chars().count() > max {
        return Err(format!("'{text}' exceeds maximum length of {max}"));
    }
    Ok(text)
}

pub(super) fn text(value: &Value, max: usize) -> Read {
    Ok(limited(value, max)?.into())
}

pub(super) fn name(value: &Value, max: usize) -> Read {
    let text = limited(value, max)?;
    let edge = text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace);
    if edge || text.chars().any(char::is_control) {
        return Err(format!("'{text}' is not a valid string").into());
    }
    Ok(text.into())
}

pub(super) fn not_empty(value: &Value, max: usize) -> Read {
    let text = limited(value, max)?;
    if text.trim().is_empty() {
        return Err(format!("'{text}' Blank strings are not permitted").into());
    }
    name(value, max)
}

pub(super) fn group(value: &Value, max: usize) -> Read {
    let text = limited(value, max)?;
    if text.eq_ignore_ascii_case(crate::model::security_group::DEFAULT) {
        return Err(NetError::SecurityGroupDefaultAlreadyExists.into());
    }
    Ok(text.into())
}

/// A name below some domain, in lower case: RFC 1123's labels.
pub(super) fn dns_name(value: &Value) -> Read {
    let text = string(value)?.to_ascii_lowercase();
    if text.is_empty() {
        return Ok(text.into());
    }
    labels(&text)?;
    Ok(text.into())
}

/// A whole domain: ends with a dot.
pub(super) fn dns_domain(value: &Value) -> Read {
    let text = string(value)?.to_ascii_lowercase();
    if text.is_empty() {
        return Ok(text.into());
    }
    if !text.ends_with('.') {
        return Err(format!("'{text}' is not a FQDN").into());
    }
    labels(&text)?;
    Ok(text.into())
}

fn labels(text: &str) -> Result<(), String> {
    let wrong = |reason: String| Err(format!("'{text}' not a valid PQDN or FQDN. Reason: {reason}"));
    let trimmed = text.strip_suffix('.').unwrap_or(text);
    if trimmed.len() > 255 {
        return wrong(format!("'{trimmed}' exceeds the 255 character FQDN limit"));
    }
    let labels: Vec<_> = trimmed.split('.').collect();
    for label in &labels {
        let fits = (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if label.is_empty() {
            return wrong("Encountered an empty component".to_owned());
        }
        if label.starts_with('-') || label.ends_with('-') {
            return wrong(format!("Name '{label}' must not start or end with a hyphen"));
        }
        if !fits {
            return wrong(format!(
                "Name '{label}' must be 1-63 characters long, each of which can only be alphanumeric or a hyphen"
            ));
        }
    }
    match labels.as_slice() {
        [_, .., last] if last.bytes().all(|b| b.is_ascii_digit()) => {
            wrong(format!("TLD '{last}' must not be all numeric"))
        }
        _ => Ok(()),
    }
}
