//! Lists and objects.

use super::{Read, Refusal, names, scalars, shown};
use crate::error::NetError;
use serde_json::{Map, Value, json};

fn list<'a>(value: &'a Value, wrong: &str) -> Result<&'a [Value], String> {
    match value {
        Value::Array(items) => Ok(items),
        // Python's `convert_none_to_empty_list`.
        Value::Null => Ok(&[]),
        other => Err(format!("{wrong}: '{}'", shown(other))),
    }
}

fn object<'a>(value: &'a Value, wrong: &str) -> Result<&'a Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{wrong}: '{}'", shown(value)))
}

/// Each item is read; none comes twice.
pub(super) fn unique(value: &Value, read: impl Fn(&Value) -> Read) -> Read {
    let Some(items) = value.as_array() else {
        return if value.is_null() { Ok(json!([])) } else { Err(format!("'{}' is not a list", shown(value)).into()) };
    };
    let mut out: Vec<Value> = Vec::new();
    for item in items {
        let item = read(item)?;
        if out.contains(&item) {
            return Err(format!("Duplicate items in the list: '{}'", shown(&item)).into());
        }
        out.push(item);
    }
    Ok(out.into())
}

/// Exactly these keys.
fn keys(map: &Map<String, Value>, expected: &[&str]) -> Result<(), String> {
    if map.len() == expected.len() && expected.iter().all(|k| map.contains_key(*k)) {
        return Ok(());
    }
    let given: Vec<_> = map.keys().collect();
    Err(format!("Validation of dictionary's keys failed. Expected keys: {expected:?} Provided keys: {given:?}"))
}

pub(super) fn pools(value: &Value) -> Read {
    const WRONG: &str = "Invalid data format for IP pool";
    let mut out = Vec::new();
    for item in list(value, WRONG)? {
        let pool = object(item, WRONG)?;
        keys(pool, &["start", "end"])?;
        out.push(json!({"start": scalars::address(&pool["start"])?, "end": scalars::address(&pool["end"])?}));
    }
    Ok(out.into())
}

pub(super) fn addresses(value: &Value) -> Read {
    let mut out: Vec<Value> = Vec::new();
    for item in list(value, "Invalid data format for nameserver")? {
        let wrong = |e: String| format!("'{}' is not a valid nameserver. {e}", shown(item));
        let address = Value::from(scalars::address(item).map_err(wrong)?.to_string());
        if out.contains(&address) {
            return Err(format!("Duplicate nameserver '{}'", shown(&address)).into());
        }
        out.push(address);
    }
    Ok(out.into())
}

pub(super) fn routes(value: &Value) -> Read {
    const WRONG: &str = "Invalid data format for hostroute";
    let mut out: Vec<Value> = Vec::new();
    for item in list(value, WRONG)? {
        let route = object(item, WRONG)?;
        keys(route, &["destination", "nexthop"])?;
        let destination = scalars::net(&route["destination"], "CIDR")?;
        if destination.trunc() != destination {
            return Err(format!("'{destination}' is not a valid CIDR").into());
        }
        if destination.network().is_loopback() {
            return Err(format!("'{destination}' is not a routable CIDR").into());
        }
        let route = json!({"destination": destination, "nexthop": scalars::address(&route["nexthop"])?});
        if out.contains(&route) {
            return Err(format!("Duplicate hostroute '{route}'").into());
        }
        out.push(route);
    }
    Ok(out.into())
}

pub(super) fn fixed_ips(value: &Value) -> Read {
    const WRONG: &str = "Invalid data format for fixed IP";
    let mut out: Vec<Value> = Vec::new();
    for item in list(value, WRONG)? {
        let given = object(item, WRONG)?;
        let mut ip = Map::new();
        if let Some(address) = given.get("ip_address") {
            let address = Value::from(scalars::address(address)?.to_string());
            if out.iter().any(|o| o.get("ip_address") == Some(&address)) {
                return Err(format!("Duplicate IP address '{}'", shown(&address)).into());
            }
            ip.insert("ip_address".into(), address);
        }
        if let Some(subnet) = given.get("subnet_id") {
            ip.insert("subnet_id".into(), scalars::uuid(subnet)?);
        }
        out.push(ip.into());
    }
    Ok(out.into())
}

pub(super) fn address_pairs(value: &Value) -> Read {
    let wrong = || Refusal::from(format!("Allowed address pairs must be a list: '{}'", shown(value)));
    let items = match value {
        Value::Null => &[][..],
        Value::Array(items) => items,
        _ => return Err(wrong()),
    };
    let mut out: Vec<Value> = Vec::new();
    for item in items {
        let given = item.as_object().ok_or_else(wrong)?;
        if let Some(key) = given.keys().find(|k| !["ip_address", "mac_address"].contains(&k.as_str())) {
            return Err(NetError::request(format!("Unrecognized attribute(s) '{key}'")).into());
        }
        let ip = given.get("ip_address").ok_or(NetError::AllowedAddressPairsMissingIP)?;
        let prefix = scalars::net(ip, "IP address").map(|n| n.to_string());
        let ip = prefix.or_else(|_| scalars::address(ip).map(|a| a.to_string()))?;
        let mac = match given.get("mac_address") {
            None | Some(Value::Null) => Value::Null,
            Some(mac) => scalars::mac(mac)?,
        };
        let pair = json!({"ip_address": ip, "mac_address": mac});
        if out.contains(&pair) {
            return Err(NetError::DuplicateAddressPairInRequest { mac: shown(&mac), ip }.into());
        }
        out.push(pair);
    }
    Ok(out.into())
}

pub(super) fn dhcp_options(value: &Value) -> Read {
    const WRONG: &str = "Invalid data format for extra-dhcp-opt";
    let mut out = Vec::new();
    for item in list(value, WRONG)? {
        let given = object(item, WRONG)?;
        if let Some(key) = given.keys().find(|k| !["opt_name", "opt_value", "ip_version"].contains(&k.as_str())) {
            return Err(format!("{WRONG}: unknown key '{key}'").into());
        }
        let (Some(name), Some(value)) = (given.get("opt_name"), given.get("opt_value")) else {
            return Err(format!("{WRONG}: opt_name and opt_value are required").into());
        };
        let name = names::text(name, 64)?;
        if name.as_str().is_none_or(|n| n.trim().is_empty() || n.contains('\n')) {
            return Err(format!("'{}' Blank strings are not permitted", shown(&name)).into());
        }
        // These two may have an empty value, to be taken away from guests; others may not.
        let may_be_blank = matches!(name.as_str(), Some("router" | "classless-static-route"));
        let value = match value {
            Value::Null => Value::Null,
            text => {
                let text = names::text(text, 255)?;
                let blank = text.as_str().is_some_and(|t| t.trim().is_empty() || t.contains('\n'));
                if blank && !may_be_blank {
                    return Err(format!("'{}' Blank strings are not permitted", shown(&text)).into());
                }
                text
            }
        };
        let version = given.get("ip_version").filter(|v| !v.is_null()).map(scalars::ip_version).transpose()?;
        out.push(json!({"opt_name": name, "opt_value": value, "ip_version": version}));
    }
    Ok(out.into())
}

/// A trunk's subports: `segmentation_type` and `segmentation_id` come together, and no segmentation comes twice.
pub(super) fn sub_ports(value: &Value) -> Read {
    let Some(items) = value.as_array() else {
        return Err(format!("Invalid data format for subports: '{}' is not a list", shown(value)).into());
    };
    let mut out: Vec<Value> = Vec::new();
    for item in items {
        let wrong = format!("Invalid data format for subport: '{}' is not a dict", shown(item));
        let given = item.as_object().ok_or(wrong)?;
        let port = given.get("port_id").ok_or_else(|| "A valid port UUID must be specified".to_owned())?;
        let port = scalars::uuid(port).map_err(|_| format!("Invalid UUID for subport: '{}'", shown(port)))?;
        if out.iter().any(|o| o["port_id"] == port) {
            return Err(format!("Non unique UUID for subport: '{}'", shown(&port)).into());
        }
        let kind = given.get("segmentation_type").filter(|k| !k.is_null());
        let id = given.get("segmentation_id").filter(|i| !i.is_null());
        let inherit = kind.is_some_and(|k| k == "inherit");
        if !inherit && (kind.is_none() || id.is_none()) && given.len() > 1 {
            return Err(format!(
                "Invalid subport details '{}': missing segmentation information. Must specify both segmentation_id and segmentation_type",
                shown(item)
            )
            .into());
        }
        let number = |id: &Value| {
            let text = format!("Invalid subport details: segmentation_id '{}' is not an integer", shown(id));
            scalars::integer(id).map_err(|_| text)
        };
        let id = id.map(number).transpose()?;
        let kind = kind.map(|k| names::text(k, 255)).transpose()?;
        let same = |o: &Value| {
            !inherit && id.is_some() && o["segmentation_type"] == json!(kind) && o["segmentation_id"] == json!(id)
        };
        if out.iter().any(same) {
            return Err(
                format!("Segmentation ID '{}' for '{}' is not unique", id.unwrap_or_default(), shown(&port)).into()
            );
        }
        out.push(json!({"port_id": port, "segmentation_type": kind, "segmentation_id": id}));
    }
    Ok(out.into())
}

/// `external_gateway_info`; an empty one says that there shall be none.
pub(super) fn gateway(value: &Value) -> Read {
    let given = object(value, "Invalid data format for external_gateway_info")?;
    const KEYS: [&str; 4] = ["network_id", "enable_snat", "external_fixed_ips", "qos_policy_id"];
    if let Some(key) = given.keys().find(|k| !KEYS.contains(&k.as_str())) {
        let expected = KEYS.join(", ");
        return Err(
            format!("Validation of dictionary's keys failed. Expected keys: {expected} Unexpected: {key}").into()
        );
    }
    if given.is_empty() {
        return Ok(Value::Null);
    }
    let network = given.get("network_id").ok_or_else(|| {
        Refusal::from("Validation of dictionary's keys failed. Expected keys: network_id is required".to_owned())
    })?;
    let mut out = Map::new();
    if network.is_null() {
        return Ok(Value::Null);
    }
    out.insert("network_id".into(), scalars::uuid(network)?);
    if let Some(snat) = given.get("enable_snat") {
        out.insert("enable_snat".into(), scalars::boolean(snat)?);
    }
    if let Some(policy) = given.get("qos_policy_id") {
        let policy = if policy.is_null() { Value::Null } else { scalars::uuid(policy)? };
        out.insert("qos_policy_id".into(), policy);
    }
    if let Some(ips) = given.get("external_fixed_ips") {
        out.insert("external_fixed_ips".into(), fixed_ips(ips)?);
    }
    Ok(out.into())
}

/// `segments` of a network: provider attributes, each complete.
pub(super) fn segments(value: &Value) -> Read {
    const WRONG: &str = "Invalid data format for segments";
    let mut out: Vec<Value> = Vec::new();
    for item in list(value, WRONG)? {
        let given = object(item, WRONG)?;
        let mut segment = Map::new();
        for (name, value) in given {
            let value = match name.as_str() {
                _ if value.is_null() => Value::Null,
                "provider:network_type" => names::text(value, 32)?,
                "provider:physical_network" => names::text(value, 64)?,
                "provider:segmentation_id" => scalars::non_negative(value)?,
                unknown => return Err(format!("{WRONG}: unknown key '{unknown}'").into()),
            };
            segment.insert(name.clone(), value);
        }
        out.push(segment.into());
    }
    Ok(out.into())
}
