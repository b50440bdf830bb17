use crate::api::schema::{
    boolean, by_version, name, number_to_max, object, only, paging, pattern, query, values, words,
};
use serde_json::{Value, json};

by_version! {
    CREATE = create: 1, 55, 102;
    UPDATE = update: 55;
    LIST = list: 1, 75, 102;
    SHOW = show: 1, 102;
    GRANT = grant: 1;
    REVOKE = revoke: 1;
    SPECS = specs: 1;
    SPEC = spec: 1;
}

fn description() -> Value {
    json!({"type": ["string", "null"], "minLength": 0, "maxLength": 65535, "pattern": "^[^\\p{Cc}]*$"})
}

fn create(minor: u16) -> Value {
    let mut properties = json!({
        "name": name(),
        "id": {
            "type": ["string", "number", "null"],
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^(?! )[a-zA-Z0-9. _-]+(?<! )$",
        },
        "ram": number_to_max(1),
        "vcpus": number_to_max(1),
        "disk": number_to_max(0),
        "OS-FLV-EXT-DATA:ephemeral": number_to_max(0),
        "swap": number_to_max(0),
        "os-flavor-access:is_public": boolean(),
    });
    if minor < 102 {
        properties["rxtx_factor"] = json!({
            "type": ["number", "string"],
            "pattern": "^[0-9]+(\\.[0-9]+)?$",
            "exclusiveMinimum": 0,
            "maximum": 3.402_82e38,
        });
    }
    if minor >= 55 {
        properties["description"] = description();
    }
    only("flavor", object(properties, &["name", "ram", "vcpus", "disk"]))
}

fn update(_: u16) -> Value {
    only("flavor", only("description", description()))
}

fn list(minor: u16) -> Value {
    let mut keys = vec![
        "created_at",
        "description",
        "disabled",
        "ephemeral_gb",
        "flavorid",
        "id",
        "is_public",
        "memory_mb",
        "name",
        "root_gb",
        "swap",
        "updated_at",
        "vcpu_weight",
        "vcpus",
    ];
    if minor < 102 {
        keys.push("rxtx_factor");
    }
    let mut properties = json!({
        "is_public": words(),
        "minRam": words(),
        "minDisk": words(),
        "sort_key": values(json!({"type": "string", "enum": keys})),
        "sort_dir": values(json!({"type": "string", "enum": ["asc", "desc"]})),
    });
    if minor >= 102 {
        properties["name"] = words();
    }
    paging(&mut properties);
    query(properties, minor < 75)
}

fn show(minor: u16) -> Value {
    query(json!({}), minor < 102)
}

fn project(action: &str) -> Value {
    only(action, only("tenant", pattern("^[a-zA-Z0-9-]*$", 1, 255)))
}

fn grant(_: u16) -> Value {
    project("addTenantAccess")
}

fn revoke(_: u16) -> Value {
    project("removeTenantAccess")
}

fn spec_values() -> Value {
    json!({
        "type": "object",
        "patternProperties": {
            "^[a-zA-Z0-9-_:. ]{1,255}$": {
                "type": ["string", "number"],
                "maxLength": 255,
                "pattern": "^-?\\d+((\\.\\d+)?|[eE][+-]?\\d+)?$|.*",
            },
        },
        "additionalProperties": false,
    })
}

fn specs(_: u16) -> Value {
    only("extra_specs", spec_values())
}

fn spec(_: u16) -> Value {
    let mut one = spec_values();
    (one["minProperties"], one["maxProperties"]) = (1.into(), 1.into());
    one
}
