//! Single values.

use super::{Read, Refusal, shown};
use crate::{
    error::NetError,
    model::{port as port_model, port_forwarding::PortRange, security_group::parse_protocol},
};
use ipnet::IpNet;
use serde_json::Value;
use std::net::IpAddr;

fn text<'a>(value: &'a Value, what: &str) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("'{}' is not a valid {what}", shown(value)))
}

pub(super) fn boolean(value: &Value) -> Read {
    let on = match value {
        Value::Bool(b) => Some(*b),
        Value::Number(n) => match n.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(s) => match s.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    };
    let refused = || NetError::input(format!("'{}' cannot be converted to boolean", shown(value)));
    Ok(on.map(Value::Bool).ok_or_else(refused)?)
}

pub(super) fn integer(value: &Value) -> Read<i64> {
    let number = match value {
        Value::Number(n) => n.as_i64(),
        Value::String(s) => s.trim().parse().ok(),
        _ => None,
    };
    let refused = || NetError::input(format!("'{}' is not an integer", shown(value)));
    Ok(number.ok_or_else(refused)?)
}

pub(super) fn non_negative(value: &Value) -> Read {
    let number = integer(value)?;
    if number < 0 {
        return Err(format!("'{number}' should be non-negative").into());
    }
    if u32::try_from(number).is_err() {
        return Err(format!("'{number}' is too large").into());
    }
    Ok(number.into())
}

/// The marks that Neutron takes: those of RFC 2474 and RFC 2597 and 3246.
pub const DSCP_MARKS: [u8; 22] = [0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 46, 48, 56];

pub(super) fn dscp_mark(value: &Value) -> Read {
    let number = integer(value)?;
    match u8::try_from(number).ok().filter(|n| DSCP_MARKS.contains(n)) {
        Some(mark) => Ok(mark.into()),
        None => Err(format!("{number} is not in {DSCP_MARKS:?}").into()),
    }
}

pub(super) fn transport_port(value: &Value) -> Read {
    let number = integer(value)?;
    match u16::try_from(number).ok().filter(|n| *n > 0) {
        Some(port) => Ok(port.into()),
        None => Err(format!("{number} is not in range 1 to 65535").into()),
    }
}

pub(super) fn port_range(value: &Value) -> Read {
    let text = shown(value);
    match text.parse::<PortRange>() {
        Ok(range) => Ok(range.to_string().into()),
        Err(()) => Err(format!("'{text}' is not a valid range of ports").into()),
    }
}

pub(super) fn ip_version(value: &Value) -> Read {
    match integer(value)? {
        version @ (4 | 6) => Ok(version.into()),
        other => Err(format!("{other} is not in [4, 6]").into()),
    }
}

pub(super) fn one_of(value: &Value, values: &[&str]) -> Read {
    match value.as_str().filter(|v| values.contains(v)) {
        Some(v) => Ok(v.into()),
        None => Err(format!("'{}' is not in {}", shown(value), quoted(values)).into()),
    }
}

fn quoted(values: &[&str]) -> String {
    let quoted: Vec<_> = values.iter().map(|v| format!("'{v}'")).collect();
    format!("[{}]", quoted.join(", "))
}

/// As Neutron takes ids: any spelling of a UUID; the bare 32 digits stay as they are.
pub(super) fn uuid(value: &Value) -> Read {
    let text = text(value, "UUID")?;
    match uuid::Uuid::try_parse(text) {
        Ok(_) => Ok(text.to_ascii_lowercase().into()),
        Err(_) => Err(format!("'{text}' is not a valid UUID").into()),
    }
}

pub(super) fn mac(value: &Value) -> Read {
    let given = text(value, "MAC address")?;
    let wrong = || Refusal::from(format!("'{given}' is not a valid MAC address"));
    Ok(port_model::mac(given).ok_or_else(wrong)?.into())
}

pub(super) fn ip(value: &Value) -> Read {
    Ok(address(value)?.to_string().into())
}

pub(super) fn address(value: &Value) -> Result<IpAddr, String> {
    let given = text(value, "IP address")?;
    given.parse().map_err(|_| format!("'{given}' is not a valid IP address"))
}

/// With a length; bits beyond it are taken off later.
pub(super) fn cidr(value: &Value) -> Read {
    Ok(net(value, "IP subnet")?.to_string().into())
}

pub(super) fn net(value: &Value, what: &str) -> Result<IpNet, String> {
    let given = text(value, what)?;
    given.parse().map_err(|_| format!("'{given}' is not a valid {what}"))
}

pub(super) fn protocol(value: &Value) -> Read {
    let given = match value {
        Value::String(s) => s.clone(),
        Value::Number(n) => n.to_string(),
        other => return Err(NetError::SecurityGroupRuleInvalidProtocol { protocol: shown(other) }.into()),
    };
    Ok(parse_protocol(&given)?.into())
}

pub(super) fn ether_type(value: &Value) -> Read {
    let known = ["IPv4", "IPv6"].into_iter().find(|k| value.as_str().is_some_and(|v| k.eq_ignore_ascii_case(v)));
    Ok(known.ok_or_else(|| NetError::SecurityGroupRuleInvalidEtherType { ethertype: shown(value) })?.into())
}

pub(super) fn port(value: &Value) -> Read {
    let wrong = || NetError::SecurityGroupInvalidPortValue { port: shown(value) };
    let number = integer(value).ok().filter(|n| (0..=65535).contains(n));
    Ok(number.ok_or_else(wrong)?.into())
}

pub(super) fn remote_prefix(value: &Value) -> Read {
    let wrong = || NetError::InvalidCIDR { input: shown(value) };
    let given = value.as_str().ok_or_else(wrong)?;
    if given.is_empty() {
        return Ok(Value::Null);
    }
    let host = || given.parse::<IpAddr>().ok().map(IpNet::from);
    let net = given.parse::<IpNet>().ok().or_else(host).ok_or_else(wrong)?;
    Ok(net.to_string().into())
}

pub(super) fn target_project(value: &Value) -> Read {
    let given = text(value, "target project ID")?;
    if given == "*" || uuid::Uuid::try_parse(given).is_ok() {
        return Ok(given.into());
    }
    Err(NetError::input(format!("'{given}' is not a valid target project ID; expected a UUID or '*'")).into())
}

pub(super) fn dict(value: &Value) -> Read {
    if value.is_object() { Ok(value.clone()) } else { Err(format!("'{}' is not a dictionary", shown(value)).into()) }
}
