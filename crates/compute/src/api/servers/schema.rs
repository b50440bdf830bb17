//! What may be asked about servers, by version.

use crate::api::schema::{
    boolean, by_version, description, disk_config, flavor_ref, fqdn, hostname, ip, metadata, name, number, object,
    only, paging, pattern, patterns, query, tag, trusted_certs, uuid, uuid_or_empty, values, words, zone_name,
};
use serde_json::{Value, json};

by_version! {
    CREATE = create: 1, 19, 32, 33, 37, 42, 52, 57, 63, 67, 74, 90, 94;
    UPDATE = update: 1, 19, 90, 94, 104;
    LIST = list: 1, 26, 66, 73, 75;
    SHOW = show: 1, 102;
}

fn create(minor: u16) -> Value {
    let mut properties = json!({
        "name": name(),
        "imageRef": uuid_or_empty(),
        "flavorRef": flavor_ref(),
        "adminPass": {"type": "string"},
        "metadata": metadata(),
        "networks": networks(minor),
        "OS-DCF:diskConfig": disk_config(),
        "accessIPv4": address("ipv4"),
        "accessIPv6": address("ipv6"),
        "availability_zone": name(),
        "block_device_mapping": {"type": "array", "items": object(old_mapping(), &[])},
        "block_device_mapping_v2": {"type": "array", "items": object(new_mapping(minor), &[])},
        "config_drive": boolean(),
        "key_name": name(),
        "min_count": number(1),
        "max_count": number(1),
        "return_reservation_id": boolean(),
        "security_groups": {"type": "array", "items": object(json!({"name": name()}), &[])},
        "user_data": {"type": "string", "format": "base64", "maxLength": 65535},
    });
    let since = [
        (19, "description", description()),
        (52, "tags", json!({"type": "array", "items": tag(), "maxItems": 50})),
        (63, "trusted_image_certificates", trusted_certs()),
        (74, "host", fqdn()),
        (74, "hypervisor_hostname", fqdn()),
        (90, "hostname", hostname(minor)),
    ];
    for (_, key, schema) in since.into_iter().filter(|(since, _, _)| minor >= *since) {
        properties[key] = schema;
    }
    if minor < 57 {
        properties["personality"] = personality();
    }
    let required: &[&str] = if minor >= 37 { &["name", "flavorRef", "networks"] } else { &["name", "flavorRef"] };
    let parts = json!({
        "server": object(properties, required),
        "os:scheduler_hints": hints(),
        "OS-SCH-HNT:scheduler_hints": hints(),
    });
    object(parts, &["server"])
}

pub(super) fn personality() -> Value {
    let file = object(json!({"path": {"type": "string"}, "contents": {"type": "string", "format": "base64"}}), &[]);
    json!({"type": "array", "items": file})
}

/// An address of the family, or an empty string.
pub(super) fn address(family: &str) -> Value {
    json!({"type": "string", "oneOf": [{"format": family}, {"maxLength": 0}]})
}

fn networks(minor: u16) -> Value {
    let network = if minor >= 37 { uuid() } else { json!({"type": "string"}) };
    let mut item = json!({
        "fixed_ip": ip(),
        "port": {"type": ["string", "null"], "format": "uuid"},
        "uuid": network,
    });
    if (32..37).contains(&minor) || minor >= 42 {
        item["tag"] = tag();
    }
    let list = json!({"type": "array", "items": object(item, &[])});
    if minor < 37 {
        return list;
    }
    json!({"oneOf": [list, {"type": "string", "enum": ["none", "auto"]}]})
}

fn old_mapping() -> Value {
    json!({
        "virtual_name": {"type": "string", "maxLength": 255},
        "volume_id": uuid(),
        "snapshot_id": uuid(),
        "volume_size": {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 1, "maximum": 0x7FFF_FFFF, "minLength": 1},
        "device_name": pattern("^[a-zA-Z0-9._/-]*$", 1, 255),
        "delete_on_termination": boolean(),
        "no_device": {},
        "connection_info": {"type": "string", "maxLength": 16_777_215},
    })
}

fn new_mapping(minor: u16) -> Value {
    let mut mapping = old_mapping();
    mapping["source_type"] = json!({"type": "string", "enum": ["volume", "image", "snapshot", "blank"]});
    mapping["uuid"] = pattern("^[a-zA-Z0-9._-]*$", 1, 255);
    mapping["image_id"] = uuid();
    mapping["destination_type"] = json!({"type": "string", "enum": ["local", "volume"]});
    for key in ["guest_format", "device_type", "disk_bus"] {
        mapping[key] = json!({"type": "string", "maxLength": 255});
    }
    mapping["boot_index"] = json!({"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"});
    // Nova lost the tag in 2.33 and found it again in 2.42.
    if minor == 32 || minor >= 42 {
        mapping["tag"] = tag();
    }
    if minor >= 67 {
        mapping["volume_type"] = json!({"type": ["string", "null"], "minLength": 0, "maxLength": 255});
    }
    mapping
}

fn hints() -> Value {
    let one_or_many = || json!({"oneOf": [uuid(), {"type": "array", "items": uuid()}]});
    json!({
        "type": "object",
        "properties": {
            "group": one_or_many(),
            "different_host": one_or_many(),
            "same_host": {"type": ["string", "array"], "items": uuid()},
            "query": {"type": ["string", "object"]},
            "target_cell": name(),
            "different_cell": {"type": ["string", "array"], "items": {"type": "string"}},
            "build_near_host_ip": ip(),
            "cidr": {"type": "string", "pattern": "^/[0-9a-f.:]+$"},
        },
        "additionalProperties": true,
    })
}

fn update(minor: u16) -> Value {
    let mut properties = json!({
        "name": name(),
        "OS-DCF:diskConfig": disk_config(),
        "accessIPv4": address("ipv4"),
        "accessIPv6": address("ipv6"),
    });
    if minor >= 19 {
        properties["description"] = description();
    }
    if minor >= 90 {
        properties["hostname"] = hostname(minor);
    }
    if minor >= 104 {
        properties["pinned_availability_zone"] = json!({"oneOf": [zone_name(), {"type": "null"}]});
    }
    only("server", object(properties, &[]))
}

/// Sort keys that are accepted and do not sort.
const IGNORED: &[&str] = &[
    "architecture",
    "cell_name",
    "cleaned",
    "default_ephemeral_device",
    "default_swap_device",
    "deleted",
    "deleted_at",
    "disable_terminate",
    "ephemeral_gb",
    "ephemeral_key_uuid",
    "id",
    "key_data",
    "launched_on",
    "memory_mb",
    "os_type",
    "reservation_id",
    "root_gb",
    "shutdown_terminate",
    "user_data",
    "vcpus",
    "vm_mode",
];

const SORT_KEYS: &[&str] = &[
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "availability_zone",
    "config_drive",
    "created_at",
    "display_description",
    "display_name",
    "host",
    "hostname",
    "image_ref",
    "instance_type_id",
    "kernel_id",
    "key_name",
    "launch_index",
    "launched_at",
    "locked_by",
    "node",
    "power_state",
    "progress",
    "project_id",
    "ramdisk_id",
    "root_device_name",
    "task_state",
    "terminated_at",
    "updated_at",
    "user_id",
    "uuid",
    "vm_state",
];

/// Parameters of any text, and those that must be regular expressions.
const WORDS: &[&str] = &[
    "user_id",
    "project_id",
    "tenant_id",
    "launch_index",
    "image_ref",
    "image",
    "vm_state",
    "task_state",
    "host",
    "uuid",
    "sort_dir",
    "all_tenants",
    "soft_deleted",
    "deleted",
    "status",
    "block_device_mapping",
    "services",
    "metadata",
    "system_metadata",
    "info_cache",
    "security_groups",
    "pci_devices",
];

const PATTERNS: &[&str] = &[
    "kernel_id",
    "ramdisk_id",
    "hostname",
    "key_name",
    "power_state",
    "node",
    "flavor",
    "reservation_id",
    "launched_at",
    "terminated_at",
    "availability_zone",
    "name",
    "display_name",
    "description",
    "display_description",
    "locked_by",
    "root_device_name",
    "config_drive",
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "progress",
    "ip",
    "ip6",
    "created_at",
];

fn list(minor: u16) -> Value {
    let mut properties = json!({});
    WORDS.iter().for_each(|key| properties[*key] = words());
    PATTERNS.iter().for_each(|key| properties[*key] = patterns());
    let mut keys: Vec<&str> = SORT_KEYS.to_vec();
    if minor < 75 {
        keys.extend(IGNORED);
        keys.push("locked");
    } else {
        keys.push("locked");
    }
    properties["sort_key"] = values(json!({"type": "string", "enum": keys}));
    properties["changes-since"] = values(json!({"type": "string", "format": "date-time"}));
    if minor >= 26 {
        for key in ["tags", "tags-any", "not-tags", "not-tags-any"] {
            properties[key] = patterns();
        }
    }
    if minor >= 66 {
        properties["changes-before"] = values(json!({"type": "string", "format": "date-time"}));
    }
    if minor >= 73 {
        properties["locked"] = words();
    }
    paging(&mut properties);
    query(properties, minor < 75)
}

fn show(minor: u16) -> Value {
    query(json!({}), minor < 102)
}
