//! Bodies of federation's resources. The language of mappings has three versions, each with what the one before has.

use super::{boolean, nullable_text, under};
use http::Schema;
use serde_json::{Value, json};

fn remote_id() -> Value {
    json!({"type": "string", "maxLength": 64})
}
fn identity_provider(with_domain: bool) -> Value {
    let mut properties = json!({
        "enabled": boolean(),
        "description": nullable_text(),
        "authorization_ttl": {"type": ["integer", "null"], "minimum": 0},
        "remote_ids": {"type": ["array", "null"], "items": remote_id(), "uniqueItems": true},
    });
    if with_domain {
        properties["domain_id"] = json!({"type": ["string", "null"], "maxLength": 64, "pattern": "^[a-zA-Z0-9-]*$"});
    }
    properties
}
fn protocol(remote_id: Value) -> Value {
    let mapping = json!({"type": "string", "minLength": 1, "maxLength": 64});
    json!({
        "type": "object",
        "properties": {"mapping_id": mapping, "remote_id_attribute": remote_id},
        "required": ["mapping_id"],
        "additionalProperties": false,
    })
}
fn url() -> Value {
    json!({"type": "string", "minLength": 0, "maxLength": 225, "pattern": "^[a-zA-Z0-9+.-]+:.+"})
}
fn service_provider(required: &[&str], fewest: u64) -> Value {
    json!({
        "type": "object",
        "properties": {
            "auth_url": url(),
            "sp_url": url(),
            "description": nullable_text(),
            "enabled": boolean(),
            "relay_state_prefix": nullable_text(),
        },
        "required": required,
        "minProperties": fewest,
        "additionalProperties": false,
    })
}

fn domain() -> Value {
    json!({
        "type": "object",
        "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
        "additionalProperties": false,
    })
}
fn group() -> Value {
    let by = |required: Value, properties: Value| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    json!({"type": "object", "oneOf": [
        by(json!(["id"]), json!({"id": {"type": "string"}})),
        by(json!(["name", "domain"]), json!({"name": {"type": "string"}, "domain": domain()})),
    ]})
}

/// Which version of the language: each adds to `local`.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Language {
    V1,
    V2,
    V3,
}

fn local(language: Language) -> Value {
    let text = json!({"type": "string"});
    let role = json!({
        "type": "object", "required": ["name"], "properties": {"name": text}, "additionalProperties": false,
    });
    let mut project = json!({"name": text, "roles": {"type": "array", "items": role}});
    if language >= Language::V2 {
        project["domain"] = domain();
    }
    let project = json!({
        "type": "object", "required": ["name", "roles"], "properties": project, "additionalProperties": false,
    });
    let user = json!({
        "id": text, "name": text, "email": text, "domain": domain(),
        "type": {"type": "string", "enum": ["ephemeral", "local"]},
    });
    let mut properties = json!({
        "user": {"type": "object", "properties": user, "additionalProperties": false},
        "projects": {"type": "array", "items": project},
        "group": group(),
        "groups": text,
        "group_ids": text,
        "domain": domain(),
    });
    if language >= Language::V3 {
        properties["projects_json"] = text;
    }
    json!({"type": "array", "items": {"type": "object", "properties": properties, "additionalProperties": false}})
}

fn remote() -> Value {
    let with = |name: &str| {
        json!({
            "type": "object",
            "required": ["type", name],
            "properties": {"type": {"type": "string"}, name: {"type": "array"}, "regex": {"type": "boolean"}},
            "additionalProperties": false,
        })
    };
    let any = json!({
        "type": "object", "required": ["type"], "properties": {"type": {"type": "string"}},
        "additionalProperties": false,
    });
    let kinds = [any, with("any_one_of"), with("not_any_of"), with("blacklist"), with("whitelist")];
    json!({"type": "array", "minItems": 1, "items": {"type": "object", "oneOf": kinds}})
}

fn mapping(language: Language) -> Value {
    let rule = json!({
        "type": "object",
        "required": ["local", "remote"],
        "properties": {"local": local(language), "remote": remote()},
        "additionalProperties": false,
    });
    under(
        "mapping",
        json!({
            "type": "object",
            "required": ["rules"],
            "properties": {
                "rules": {"type": "array", "minItems": 1, "items": rule},
                "schema_version": {"type": ["string", "null"], "enum": ["1.0", "2.0", "3.0", "", null]},
            },
        }),
    )
}

http::schema! {
    IDP_CREATE = (under("identity_provider", json!({
        "type": "object", "properties": identity_provider(true), "additionalProperties": false,
    })));
    IDP_UPDATE = (under("identity_provider", json!({
        "type": "object", "properties": identity_provider(false), "minProperties": 1, "additionalProperties": false,
    })));
    PROTOCOL_CREATE = (under("protocol", protocol(json!({"type": ["string", "null"], "maxLength": 64}))));
    PROTOCOL_UPDATE = (under("protocol", protocol(remote_id())));
    SP_CREATE = (under("service_provider", service_provider(&["auth_url", "sp_url"], 0)));
    SP_UPDATE = (under("service_provider", service_provider(&[], 1)));
    MAPPING_1 = (mapping(Language::V1));
    MAPPING_2 = (mapping(Language::V2));
    MAPPING_3 = (mapping(Language::V3));
}

/// The schema of the version that a body names; without one, of the first.
pub(in crate::api) fn mapping_schema(body: &Value) -> &'static Schema {
    match body.pointer("/mapping/schema_version").and_then(Value::as_str) {
        Some("2.0") => &MAPPING_2,
        Some("3.0") => &MAPPING_3,
        _ => &MAPPING_1,
    }
}
