//! Bodies of allocations: each of the versions that changed them.

use serde_json::{Value, json};

pub(crate) const UUID: &str = "^[0-9a-fA-F-]{36}$";

fn resources() -> Value {
    json!({
        "type": "object", "minProperties": 1, "additionalProperties": false,
        "patternProperties": {"^[A-Z0-9_]+$": {"type": "integer", "minimum": 1}},
    })
}

fn text() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255})
}

/// Up to 1.11 a list.
fn listed() -> Value {
    let provider = json!({
        "type": "object", "required": ["uuid"], "additionalProperties": false,
        "properties": {"uuid": {"type": "string", "format": "uuid"}},
    });
    let item = json!({
        "type": "object", "required": ["resource_provider", "resources"], "additionalProperties": false,
        "properties": {"resource_provider": provider, "resources": resources()},
    });
    json!({
        "type": "object", "required": ["allocations"], "additionalProperties": false,
        "properties": {"allocations": {"type": "array", "minItems": 1, "items": item}},
    })
}

fn owned(mut schema: Value) -> Value {
    for key in ["project_id", "user_id"] {
        schema["properties"][key] = text();
        push(&mut schema, key);
    }
    schema
}

fn push(schema: &mut Value, required: &str) {
    if let Some(list) = schema["required"].as_array_mut() {
        list.push(required.into());
    }
}

/// From 1.12 on by provider; empty means: give all back.
fn keyed(least: u32) -> Value {
    let item = json!({
        "type": "object", "required": ["resources"], "additionalProperties": false,
        "properties": {"generation": {"type": "integer"}, "resources": resources()},
    });
    owned(json!({
        "type": "object", "required": ["allocations"], "additionalProperties": false,
        "properties": {"allocations": {
            "type": "object", "minProperties": least, "additionalProperties": false, "patternProperties": {UUID: item},
        }},
    }))
}

pub(crate) fn keyed_28() -> Value {
    let mut schema = keyed(0);
    schema["properties"]["consumer_generation"] = json!({"type": ["integer", "null"]});
    push(&mut schema, "consumer_generation");
    schema
}

pub(crate) fn keyed_34() -> Value {
    let mut schema = keyed_28();
    let providers = json!({"type": "array", "minItems": 1, "items": {"type": "string", "format": "uuid"}});
    schema["properties"]["mappings"] =
        json!({"type": "object", "minProperties": 1, "patternProperties": {"[a-zA-Z0-9_-]{1,64}": providers}});
    schema
}

pub(crate) fn keyed_38() -> Value {
    let mut schema = keyed_34();
    schema["properties"]["consumer_type"] =
        json!({"type": "string", "pattern": "^[A-Z0-9_]+$", "minLength": 1, "maxLength": 255});
    push(&mut schema, "consumer_type");
    schema
}

/// Of several consumers.
pub(crate) fn several(one: &Value, least: u32) -> Value {
    json!({"type": "object", "minProperties": least, "additionalProperties": false, "patternProperties": {UUID: one}})
}

http::schema! {
    PUT = (listed());
    PUT_8 = (owned(listed()));
    PUT_12 = (keyed(1));
    PUT_28 = (keyed_28());
    PUT_34 = (keyed_34());
    PUT_38 = (keyed_38());
    POST_13 = (several(&keyed(0), 1));
    POST_28 = (several(&keyed_28(), 1));
    POST_34 = (several(&keyed_34(), 1));
    POST_38 = (several(&keyed_38(), 1));
}
