//! Bodies of registered limits and limits.

use super::{name, nullable_text, under};
use serde_json::{Value, json};

fn number() -> Value {
    json!({"type": "integer", "minimum": -1, "maximum": i32::MAX})
}
fn region() -> Value {
    json!({"type": ["string", "null"], "minLength": 1, "maxLength": 255})
}
fn registered() -> Value {
    json!({
        "service_id": {"type": "string"},
        "region_id": region(),
        "resource_name": name(255),
        "default_limit": number(),
        "description": nullable_text(),
    })
}
fn limit() -> Value {
    json!({
        "type": "object",
        "properties": {
            "project_id": {"type": ["string", "null"], "pattern": "^[a-zA-Z0-9-]*$"},
            "domain_id": {"type": ["string", "null"], "pattern": "^[a-zA-Z0-9-]*$"},
            "service_id": {"type": "string"},
            "region_id": region(),
            "resource_name": name(255),
            "resource_limit": number(),
            "description": nullable_text(),
        },
        "required": ["service_id", "resource_name", "resource_limit"],
        "oneOf": [
            {"required": ["project_id"], "not": {"required": ["domain_id"]}},
            {"required": ["domain_id"], "not": {"required": ["project_id"]}},
        ],
        "additionalProperties": false,
    })
}
fn several(item: Value) -> Value {
    json!({"type": "array", "items": item, "minItems": 1})
}
fn closed(properties: Value) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

http::schema! {
    REGISTERED_LIMITS_CREATE = (under("registered_limits", several(json!({
        "type": "object",
        "properties": registered(),
        "required": ["service_id", "resource_name", "default_limit"],
        "additionalProperties": false,
    }))));
    REGISTERED_LIMIT_UPDATE = (under("registered_limit", closed(registered())));
    LIMITS_CREATE = (under("limits", several(limit())));
    LIMIT_UPDATE = (under("limit", closed(json!({"resource_limit": number(), "description": nullable_text()}))));
}
