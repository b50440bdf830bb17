//! OpenStack's tree.

use super::{MetadataAnswer, Told, user_data, user_data_text};
use crate::model::vm::GuestMetadata;
use ports::{BoundPort, network::BoundSubnet};
use rand::RngCore;
use serde_json::{Value, json};
use std::net::IpAddr;

/// Nova's versions. `network_data.json` and `vendor_data.json` appear with the dates below.
const VERSIONS: &[&str] = &[
    "2012-08-10",
    "2013-04-04",
    "2013-10-17",
    "2015-10-15",
    "2016-06-30",
    "2016-10-06",
    "2017-02-22",
    "2018-08-27",
    "2020-10-14",
    "2025-04-04",
    "latest",
];
const WITH_PASSWORD: &str = "2013-04-04";
const WITH_RANDOM_SEED: &str = "2013-04-04";
const WITH_VENDOR_DATA: &str = "2013-10-17";
const WITH_NETWORK_DATA: &str = "2015-10-15";
const WITH_PROJECT: &str = "2015-10-15";
const WITH_DEVICES: &str = "2016-06-30";
const WITH_VENDOR_DATA_2: &str = "2016-10-06";
const WITH_DEDICATED_CPUS: &str = "2020-10-14";

/// What a version's directory lists, in Nova's order.
fn listing(version: &str, guest: &GuestMetadata) -> Vec<&'static str> {
    let mut names = vec!["meta_data.json"];
    if guest.user_data.is_some() {
        names.push("user_data");
    }
    // Dates compare as text, and "latest" is after all of them.
    let since = |date: &str| version >= date;
    for (date, name) in [
        (WITH_PASSWORD, "password"),
        (WITH_VENDOR_DATA, "vendor_data.json"),
        (WITH_NETWORK_DATA, "network_data.json"),
        (WITH_VENDOR_DATA_2, "vendor_data2.json"),
    ] {
        if since(date) {
            names.push(name);
        }
    }
    names
}

pub(super) fn answer(parts: &[&str], told: &Told<'_>) -> Option<MetadataAnswer> {
    let guest = told.guest;
    match parts {
        [] => Some(MetadataAnswer::text(VERSIONS.join("\n"))),
        // An unknown date is answered as the newest version before it, as Nova does.
        [version] => Some(MetadataAnswer::text(listing(known(version)?, guest).join("\n"))),
        [version, name] => {
            let version = known(version)?;
            if !listing(version, guest).contains(name) {
                return None;
            }
            match *name {
                "meta_data.json" => Some(MetadataAnswer::json(&meta_data(told, version))),
                "user_data" => user_data(guest).map(|body| MetadataAnswer {
                    status: 200,
                    content_type: "application/octet-stream",
                    body,
                }),
                "network_data.json" => Some(MetadataAnswer::json(&network_data(&told.ports))),
                "vendor_data.json" => Some(MetadataAnswer::json(&json!({}))),
                "vendor_data2.json" => Some(MetadataAnswer::json(&json!({"static": {}}))),
                _ => None,
            }
        }
        _ => None,
    }
}

fn known(version: &str) -> Option<&str> {
    if version == "latest" {
        return Some(version);
    }
    VERSIONS.iter().rev().skip(1).find(|v| **v <= version && version.starts_with("20")).copied()
}

pub(super) fn has_password(version: &str) -> bool {
    known(version).is_some_and(|version| version >= WITH_PASSWORD)
}

pub(super) fn files(told: &Told<'_>) -> Vec<(String, String)> {
    let (guest, mut files) = (told.guest, Vec::new());
    for version in VERSIONS {
        for name in listing(version, guest) {
            let content = match name {
                "meta_data.json" => meta_data(told, version).to_string(),
                "user_data" => user_data_text(guest).unwrap_or_default(),
                "network_data.json" => network_data(&told.ports).to_string(),
                "vendor_data.json" => "{}".to_owned(),
                "vendor_data2.json" => r#"{"static": {}}"#.to_owned(),
                // A config drive cannot take a password back.
                _ => continue,
            };
            files.push((format!("openstack/{version}/{name}"), content));
        }
    }
    files
}

fn meta_data(told: &Told<'_>, version: &str) -> Value {
    let guest = told.guest;
    let mut out = json!({
        "uuid": guest.uuid,
        "name": guest.name,
        "hostname": guest.hostname,
        "availability_zone": guest.availability_zone,
        "launch_index": guest.launch_index,
    });
    if version >= WITH_RANDOM_SEED {
        out["random_seed"] = json!(random_seed());
    }
    if version >= WITH_PROJECT {
        out["project_id"] = json!(guest.project);
    }
    if version >= WITH_DEVICES {
        out["devices"] = told.devices.iter().map(|device| device.json(version)).collect();
    }
    if version >= WITH_DEDICATED_CPUS {
        out["dedicated_cpus"] = json!(told.dedicated_cpus);
    }
    if !guest.meta.is_empty() {
        out["meta"] = json!(guest.meta);
    }
    if !guest.keys.is_empty() {
        let pairs = guest.keys.iter().map(|(name, key)| (name.clone(), json!(key))).collect::<serde_json::Map<_, _>>();
        out["public_keys"] = Value::Object(pairs);
        let list = guest.keys.iter().map(|(name, key)| json!({"name": name, "type": kind_of(key), "data": key}));
        out["keys"] = list.collect();
    }
    if let Some(password) = &guest.admin_pass {
        out["admin_pass"] = json!(password);
    }
    out
}

/// A pair of type `x509` is a certificate, with which Windows guests let their user in.
fn kind_of(key: &str) -> &'static str {
    if key.contains("-----BEGIN CERTIFICATE-----") { "x509" } else { "ssh" }
}

/// 512 bytes for the guest's random number generator, others each time, as Base64.
fn random_seed() -> String {
    use base64::Engine;
    let mut seed = [0; 512];
    rand::rng().fill_bytes(&mut seed);
    base64::engine::general_purpose::STANDARD.encode(seed)
}

/// The interfaces in the terms of Nova's `network_metadata.py` schema.
fn network_data(ports: &[&BoundPort]) -> Value {
    let (mut links, mut networks, mut services) = (Vec::new(), Vec::new(), Vec::<Value>::new());
    for port in ports {
        links.push(json!({
            "id": port.tap, "vif_id": port.port, "type": "ovs", "mtu": port.mtu, "ethernet_mac_address": port.mac,
        }));
        for subnet in &port.subnets {
            networks.push(network(networks.len(), port, subnet));
            for dns in &subnet.dns {
                let service = json!({"type": "dns", "address": dns});
                if !services.contains(&service) {
                    services.push(service);
                }
            }
        }
    }
    json!({"links": links, "networks": networks, "services": services})
}

fn network(index: usize, port: &BoundPort, subnet: &BoundSubnet) -> Value {
    let mut out = json!({
        "id": format!("network{index}"), "type": subnet.kind, "link": port.tap, "network_id": port.network,
    });
    if matches!(subnet.kind.as_str(), "ipv4_dhcp" | "ipv6_dhcp") {
        return out;
    }
    let zero = |ip: &IpAddr| if ip.is_ipv4() { ("0.0.0.0", "0.0.0.0") } else { ("::", "::") };
    let default = subnet.gateway.iter().map(|gateway| {
        let (network, netmask) = zero(gateway);
        json!({"network": network, "netmask": netmask, "gateway": gateway})
    });
    let others =
        subnet.routes.iter().map(|(to, via)| json!({"network": to.network(), "netmask": to.netmask(), "gateway": via}));
    out["ip_address"] = json!(subnet.address);
    out["netmask"] = json!(subnet.cidr.netmask());
    out["routes"] = default.chain(others).collect();
    out["services"] = subnet.dns.iter().map(|dns| json!({"type": "dns", "address": dns})).collect();
    out
}
