//! Bodies of trusts, OAuth and EC2.

use super::{create, id, name, nullable_text, under};
use serde_json::{Value, json};

/// Roles by id or by name.
fn roles() -> Value {
    let role = json!({
        "type": "object",
        "properties": {"id": id(), "name": name(255)},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
    });
    json!({"type": "array", "items": role})
}

fn trust() -> Value {
    json!({
        "trustor_user_id": {"type": "string"},
        "trustee_user_id": {"type": "string"},
        "impersonation": {"type": "boolean"},
        "project_id": {"type": ["string", "null"]},
        "remaining_uses": {"type": ["integer", "null"], "minimum": 1},
        "expires_at": nullable_text(),
        "allow_redelegation": {"type": ["boolean", "null"]},
        "redelegation_count": {"type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX},
        "roles": roles(),
    })
}

http::schema! {
    TRUST_CREATE = (create("trust", trust(), &["trustee_user_id", "trustor_user_id", "impersonation"]));
    CONSUMER_CREATE = (json!({
        "type": "object",
        "properties": {"consumer": {"type": "object", "properties": {"description": nullable_text()}}},
    }));
    CONSUMER_UPDATE = (under("consumer", json!({
        "type": "object",
        "properties": {"description": nullable_text()},
        "not": {"required": ["secret"]},
        "minProperties": 1,
    })));
    REQUEST_TOKEN_AUTHORIZE = (json!({"type": "object", "properties": {"roles": roles()}, "required": ["roles"]}));
    EC2_CREATE = (json!({"type": "object", "properties": {"tenant_id": {"type": "string"}}}));
    /// A request that was signed with an EC2 credential, by one of the names that it goes by.
    EC2_SIGNED = (json!({
        "type": "object",
        "minProperties": 1,
        "properties": {
            "credentials": {"type": "object"},
            "credential": {"type": "object"},
            "ec2Credentials": {"type": "object"},
        },
    }));
}
