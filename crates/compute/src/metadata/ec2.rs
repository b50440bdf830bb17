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
        ["meta-data", rest @ ..] => walk(&tree(guest, ports), rest),
        _ => None,
    }
}

/// An object lists its names, those of objects with a slash; anything else is printed. The keys' listing is EC2's own:
/// `0=name`.
fn walk(node: &Value, path: &[&str]) -> Option<MetadataAnswer> {
    let Some((name, rest)) = path.split_first() else {
        return Some(MetadataAnswer::text(match node {
            Value::Object(children) => children.iter().map(list_entry).collect::<Vec<_>>().join("\n"),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }));
    };
    walk(node.as_object()?.get(*name)?, rest)
}

fn list_entry((name, child): (&String, &Value)) -> String {
    match child {
        Value::Object(key) if key.contains_key("_name") => {
            format!("{name}={}", key["_name"].as_str().unwrap_or_default())
        }
        Value::Object(_) => format!("{name}/"),
        _ => name.clone(),
    }
}

/// An id in EC2's form, from the first digits of the server's own.
fn instance_id(guest: &GuestMetadata) -> String {
    let digits: String = guest.uuid.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    format!("i-{digits}")
}

fn tree(guest: &GuestMetadata, ports: &[&BoundPort]) -> Value {
    let first = ports.iter().flat_map(|p| &p.addresses).find(|a| matches!(a, IpAddr::V4(_)));
    let address = first.map_or(String::new(), ToString::to_string);
    let mut out = json!({
        "ami-id": format!("ami-{}", guest.image.chars().filter(char::is_ascii_hexdigit).take(8).collect::<String>()),
        "ami-launch-index": guest.launch_index.to_string(),
        "ami-manifest-path": "FIXED",
        "block-device-mapping": {"ami": "vda", "root": "/dev/vda"},
        "hostname": guest.hostname,
        "instance-action": "none",
        "instance-id": instance_id(guest),
        "instance-type": guest.flavor,
        "local-hostname": guest.hostname,
        "local-ipv4": address,
        "placement": {"availability-zone": guest.availability_zone},
        "public-hostname": guest.hostname,
        "public-ipv4": "",
        "reservation-id": guest.reservation,
        "security-groups": guest.security_groups.join("\n"),
    });
    if !guest.keys.is_empty() {
        let keys = guest.keys.iter().enumerate();
        let keys = keys.map(|(n, (name, key))| (n.to_string(), json!({"_name": name, "openssh-key": key})));
        out["public-keys"] = Value::Object(keys.collect());
    }
    out
}

pub(super) fn files(guest: &GuestMetadata, ports: &[&BoundPort]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut meta = tree(guest, ports);
    strip_names(&mut meta);
    for version in ["2009-04-04", "latest"] {
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
        children.remove("_name");
        children.values_mut().for_each(strip_names);
    }
}
