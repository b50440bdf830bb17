//! Bodies of endpoint groups and policies.

use super::{create, name, nullable_text, update};
use serde_json::{Value, json};

fn endpoint_group() -> Value {
    json!({
        "name": name(255),
        "description": nullable_text(),
        "filters": {
            "type": "object",
            "properties": {
                "interface": {"type": "string", "enum": ["admin", "internal", "public"]},
                "service_id": {"type": "string"},
                "region_id": nullable_text(),
                "enabled": {"type": "boolean"},
            },
        },
    })
}

fn policy() -> Value {
    json!({"blob": {"type": "string"}, "type": {"type": "string", "maxLength": 255}})
}

http::schema! {
    ENDPOINT_GROUP_CREATE = (create("endpoint_group", endpoint_group(), &["name"]));
    ENDPOINT_GROUP_UPDATE = (update("endpoint_group", endpoint_group()));
    POLICY_CREATE = (create("policy", policy(), &["blob", "type"]));
    POLICY_UPDATE = (update("policy", policy()));
}
