//! The bodies of actions, by version.

use crate::api::schema::{
    bare, boolean, by_version, description, disk_config, flavor_ref, fqdn, hostname, ip, metadata, name, number,
    object, only, text, trusted_certs, uuid,
};
use crate::api::servers::schema::{address, personality};
use serde_json::{Value, json};

by_version! {
    START = start: 1;
    STOP = stop: 1;
    REBOOT = reboot: 1;
    PAUSE = pause: 1;
    UNPAUSE = unpause: 1;
    SUSPEND = suspend: 1;
    RESUME = resume: 1;
    REBUILD = rebuild: 1, 19, 54, 57, 63, 90, 94;
    RESCUE = rescue: 1;
    UNRESCUE = unrescue: 1;
    CHANGE_PASSWORD = change_password: 1;
    TRIGGER_CRASH_DUMP = trigger_crash_dump: 17;
    MIGRATE_LIVE = migrate_live: 1, 25, 30, 68;
    CREATE_IMAGE = create_image: 1;
    CREATE_BACKUP = create_backup: 1;
    RESIZE = resize: 1;
    CONFIRM_RESIZE = confirm_resize: 1;
    REVERT_RESIZE = revert_resize: 1;
    MIGRATE = migrate: 1, 56;
    EVACUATE = evacuate: 1, 14, 29, 68;
    SHELVE = shelve: 1;
    SHELVE_OFFLOAD = shelve_offload: 1;
    UNSHELVE = unshelve: 1, 77, 91;
    LOCK = lock: 1, 73;
    UNLOCK = unlock: 1;
    RESET_STATE = reset_state: 1;
    INJECT_NETWORK_INFO = inject_network_info: 1;
    FORCE_DELETE = force_delete: 1;
    RESTORE = restore: 1;
    ADD_GROUP = add_group: 1;
    REMOVE_GROUP = remove_group: 1;
    ADD_FLOATING_IP = add_floating_ip: 1;
    REMOVE_FLOATING_IP = remove_floating_ip: 1;
    ADD_FIXED_IP = add_fixed_ip: 1;
    REMOVE_FIXED_IP = remove_fixed_ip: 1;
    CONSOLE_OUTPUT = console_output: 1;
    VNC_CONSOLE = vnc_console: 1;
    SPICE_CONSOLE = spice_console: 1;
    SERIAL_CONSOLE = serial_console: 1;
}

/// Actions without arguments.
macro_rules! bare {
    ($($make:ident = $name:literal),+ $(,)?) => {$(
        fn $make(_: u16) -> Value {
            bare($name)
        }
    )+};
}

bare! {
    start = "os-start",
    stop = "os-stop",
    pause = "pause",
    unpause = "unpause",
    suspend = "suspend",
    resume = "resume",
    unrescue = "unrescue",
    unlock = "unlock",
    confirm_resize = "confirmResize",
    revert_resize = "revertResize",
    shelve = "shelve",
    shelve_offload = "shelveOffload",
    inject_network_info = "injectNetworkInfo",
    force_delete = "forceDelete",
    restore = "restore",
}

fn reboot(_: u16) -> Value {
    let kinds = json!({"type": "string", "enum": ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]});
    only("reboot", only("type", kinds))
}

/// An action whose arguments may be left out.
fn optional(action: &str, properties: Value) -> Value {
    let mut arguments = object(properties, &[]);
    arguments["type"] = json!(["object", "null"]);
    only(action, arguments)
}

fn lock(minor: u16) -> Value {
    if minor < 73 { bare("lock") } else { optional("lock", json!({"locked_reason": text(1, 255)})) }
}

fn rebuild(minor: u16) -> Value {
    let mut properties = json!({
        "name": name(),
        "imageRef": uuid(),
        "adminPass": {"type": "string"},
        "metadata": metadata(),
        "preserve_ephemeral": boolean(),
        "OS-DCF:diskConfig": disk_config(),
        "accessIPv4": address("ipv4"),
        "accessIPv6": address("ipv6"),
    });
    let nothing_or = |mut schema: Value| {
        schema["type"] = json!(["string", "null"]);
        schema
    };
    let user_data = json!({"type": ["string", "null"], "format": "base64", "maxLength": 65535});
    let since = [
        (19, "description", description()),
        (54, "key_name", nothing_or(name())),
        (57, "user_data", user_data),
        (63, "trusted_image_certificates", trusted_certs()),
        (90, "hostname", hostname(minor)),
    ];
    for (_, key, schema) in since.into_iter().filter(|(since, _, _)| minor >= *since) {
        properties[key] = schema;
    }
    if minor < 57 {
        properties["personality"] = personality();
    }
    only("rebuild", object(properties, &["imageRef"]))
}

fn migrate_live(minor: u16) -> Value {
    let mut block = boolean();
    let mut properties =
        json!({"host": {"type": ["string", "null"], "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9-._]*$"}});
    let mut required = vec!["block_migration", "host"];
    if minor < 25 {
        properties["disk_over_commit"] = boolean();
        required.push("disk_over_commit");
    } else if let Some(words) = block["enum"].as_array_mut() {
        words.push(json!("auto"));
    }
    if (30..68).contains(&minor) {
        properties["force"] = boolean();
    }
    properties["block_migration"] = block;
    only("os-migrateLive", object(properties, &required))
}

fn resize(_: u16) -> Value {
    let way = json!({"type": "string", "enum": ["live", "cold"]});
    let properties = json!({"flavorRef": flavor_ref(), "OS-DCF:diskConfig": disk_config(), "tstack:way": way});
    only("resize", object(properties, &["flavorRef"]))
}

fn migrate(minor: u16) -> Value {
    let mut host = fqdn();
    host["type"] = json!(["string", "null"]);
    if minor < 56 { bare("migrate") } else { optional("migrate", json!({"host": host})) }
}

fn evacuate(minor: u16) -> Value {
    let mut properties = json!({"host": fqdn(), "adminPass": {"type": "string"}});
    match minor {
        0..14 => properties["onSharedStorage"] = boolean(),
        29..68 => properties["force"] = boolean(),
        _ => {}
    }
    only("evacuate", object(properties, if minor < 14 { &["onSharedStorage"] } else { &[] }))
}

fn unshelve(minor: u16) -> Value {
    match minor {
        0..77 => bare("unshelve"),
        77..91 => {
            let mut body = optional("unshelve", json!({"availability_zone": name()}));
            body["properties"]["unshelve"]["required"] = json!(["availability_zone"]);
            body
        }
        _ => {
            optional("unshelve", json!({"availability_zone": {"type": ["string", "null"]}, "host": {"type": "string"}}))
        }
    }
}

fn rescue(_: u16) -> Value {
    optional("rescue", json!({"adminPass": {"type": "string"}, "rescue_image_ref": uuid()}))
}

fn change_password(_: u16) -> Value {
    only("changePassword", only("adminPass", json!({"type": "string"})))
}

/// Nova takes nothing but null.
fn trigger_crash_dump(_: u16) -> Value {
    only("trigger_crash_dump", json!({"type": "null"}))
}

fn create_image(_: u16) -> Value {
    only("createImage", object(json!({"name": name(), "metadata": metadata()}), &["name"]))
}

fn create_backup(_: u16) -> Value {
    let properties = json!({
        "name": name(),
        "backup_type": {"type": "string"},
        "rotation": number(0),
        "metadata": metadata(),
    });
    only("createBackup", object(properties, &["name", "backup_type", "rotation"]))
}

fn reset_state(_: u16) -> Value {
    only("os-resetState", only("state", json!({"type": "string", "enum": ["active", "error"]})))
}

fn console_output(_: u16) -> Value {
    let length = json!({"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$", "minimum": -1, "minLength": 1});
    only("os-getConsoleOutput", object(json!({"length": length}), &[]))
}

fn console(action: &str, kinds: &[&str]) -> Value {
    only(action, only("type", json!({"type": "string", "enum": kinds})))
}

fn vnc_console(_: u16) -> Value {
    console("os-getVNCConsole", &["novnc", "xvpvnc"])
}

fn spice_console(_: u16) -> Value {
    console("os-getSPICEConsole", &["spice-html5"])
}

fn serial_console(_: u16) -> Value {
    console("os-getSerialConsole", &["serial"])
}

fn add_floating_ip(_: u16) -> Value {
    only("addFloatingIp", object(json!({"address": ip(), "fixed_address": ip()}), &["address"]))
}

fn remove_floating_ip(_: u16) -> Value {
    only("removeFloatingIp", only("address", ip()))
}

fn add_fixed_ip(_: u16) -> Value {
    only("addFixedIp", only("networkId", json!({"type": ["string", "number"]})))
}

fn remove_fixed_ip(_: u16) -> Value {
    only("removeFixedIp", only("address", ip()))
}

fn add_group(_: u16) -> Value {
    only("addSecurityGroup", only("name", name()))
}

fn remove_group(_: u16) -> Value {
    only("removeSecurityGroup", only("name", name()))
}
