//! EC2's tree, for guests that know no other.

use super::{MetadataAnswer, user_data, user_data_text};
use crate::model::vm::GuestMetadata;
use ports::BoundPort;
use serde_json::{Value, json};
use std::net::IpAddr;

pub(super) const VERSIONS: &[&str] = &[
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
];

/// Dates compare as text, "1.0" is before and "latest" after all of them.
const WITH_PUBLIC_NAMES: &str = "2007-01-19";
const WITH_INSTANCE_TYPE: &str = "2007-08-29";
const WITH_BLOCK_DEVICES: &str = "2007-12-15";
const WITH_PLACEMENT: &str = "2008-02-01";
const WITH_ACTION: &str = "2008-09-01";

pub(super) fn answer(
    version: &str,
    parts: &[&str],
    guest: &GuestMetadata,
    ports: &[&BoundPort],
) -> Option<MetadataAnswer> {
    if version != "latest" && !VERSIONS.contains(&version) {
        return None;
    }
    match parts {
        [] if guest.user_data.is_some() => Some(MetadataAnswer::text("meta-data/\nuser-data")),
        [] => Some(MetadataAnswer::text("meta-data/")),
        ["user-data"] => {
            user_data(guest).map(|body| MetadataAnswer { status: 200, content_type: "application/octet-stream", body })
        }
        ["meta-data", rest @ ..] => walk(&tree(version, guest, ports), rest),
        _ => None,
    }
}

/// An object lists its names, those of objects with a slash; a list its members; anything else is printed. The keys' listing is EC2's own:
/// `0=name`.
fn walk(node: &Value, path: &[&str]) -> Option<MetadataAnswer> {
    let Some((name, rest)) = path.split_first() else {
        return Some(MetadataAnswer::text(match node {
            Value::Object(children) => {
                children.iter().filter(|(name, _)| *name != NAME).map(list_entry).collect::<Vec<_>>().join("\n")
            }
            Value::Array(members) => members.iter().map(printed).collect::<Vec<_>>().join("\n"),
            other => printed(other),
        }));
    };
    walk(node.as_object()?.get(*name)?, rest)
}

/// As Python prints it.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        other => other.to_string(),
    }
}

/// What a key is called in the listing of keys.
const NAME: &str = "_name";

fn list_entry((name, child): (&String, &Value)) -> String {
    match child {
        Value::Object(key) if key.contains_key(NAME) => {
            format!("{name}={}", key[NAME].as_str().unwrap_or_default())
        }
        Value::Object(_) => format!("{name}/"),
        _ => name.clone(),
    }
}

/// An id in EC2's form, from the first digits of OpenStack's.
fn short(kind: &str, id: &str) -> String {
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    format!("{kind}-{digits}")
}

fn tree(version: &str, guest: &GuestMetadata, ports: &[&BoundPort]) -> Value {
    let address = ports.iter().flat_map(|p| &p.addresses).find(|a| matches!(a, IpAddr::V4(_)));
    let floating = ports.iter().flat_map(|p| &p.floating).next();
    let text = |address: Option<&IpAddr>| address.map_or(String::new(), ToString::to_string);
    let mut out = json!({
        // A server that boots from a volume is of no image.
        "ami-id": (!guest.image.is_empty()).then(|| short("ami", &guest.image)),
        "ami-launch-index": guest.launch_index,
        "ami-manifest-path": "FIXME",
        "hostname": guest.hostname,
        "instance-id": short("i", &guest.uuid),
        "local-ipv4": text(address),
        "reservation-id": guest.reservation,
        "security-groups": guest.security_groups,
    });
    for (since, name, value) in [
        (WITH_PUBLIC_NAMES, "local-hostname", json!(guest.hostname)),
        (WITH_PUBLIC_NAMES, "public-hostname", json!(guest.hostname)),
        (WITH_PUBLIC_NAMES, "public-ipv4", json!(text(floating))),
        (WITH_INSTANCE_TYPE, "instance-type", json!(guest.flavor)),
        (WITH_BLOCK_DEVICES, "block-device-mapping", block_devices(guest)),
        (WITH_PLACEMENT, "placement", json!({"availability-zone": guest.availability_zone})),
        (WITH_ACTION, "instance-action", json!("none")),
    ] {
        if version >= since {
            out[name] = value;
        }
    }
    if !guest.keys.is_empty() {
        let keys = guest.keys.iter().enumerate();
        let keys = keys.map(|(n, (name, key))| (n.to_string(), json!({NAME: name, "openssh-key": key})));
        out["public-keys"] = Value::Object(keys.collect());
    }
    out
}

/// What guests of former versions were not told of stands as it stood for them.
fn block_devices(guest: &GuestMetadata) -> Value {
    match guest.block_devices.is_empty() {
        true => json!({"ami": "vda", "root": "/dev/vda"}),
        false => json!(guest.block_devices),
    }
}

pub(super) fn files(guest: &GuestMetadata, ports: &[&BoundPort]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for version in ["2009-04-04", "latest"] {
        let mut meta = tree(version, guest, ports);
        strip_names(&mut meta);
        files.push((format!("ec2/{version}/meta-data.json"), meta.to_string()));
        if let Some(text) = user_data_text(guest) {
            files.push((format!("ec2/{version}/user-data"), text));
        }
    }
    files
}

/// The names of keys are for listings only.
fn strip_names(node: &mut Value) {
    if let Value::Object(children) = node {
        children.remove(NAME);
        children.values_mut().for_each(strip_names);
    }
}
