//! Bodies and queries of resource providers.

use serde_json::{Value, json};

fn with_parent(mut schema: Value) -> Value {
    let parent = json!({"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]});
    schema["properties"]["parent_provider_uuid"] = parent;
    schema
}

fn create() -> Value {
    let uuid = json!({"type": "string", "format": "uuid"});
    let mut schema = update();
    schema["properties"]["uuid"] = uuid;
    schema
}

fn update() -> Value {
    json!({
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 200}},
        "required": ["name"],
        "additionalProperties": false,
    })
}

/// `GET /resource_providers` with the keys known at each version.
fn list(keys: &[&str]) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "uuid": {"type": "string", "format": "uuid"}},
        "additionalProperties": false,
    });
    for key in keys {
        schema["properties"][*key] = json!({"type": "string"});
    }
    if keys.contains(&"in_tree") {
        schema["properties"]["in_tree"]["format"] = "uuid".into();
    }
    schema
}

http::schema! {
    CREATE = (create());
    CREATE_14 = (with_parent(create()));
    UPDATE = (update());
    UPDATE_14 = (with_parent(update()));
    LIST = (list(&[]));
    LIST_3 = (list(&["member_of"]));
    LIST_4 = (list(&["member_of", "resources"]));
    LIST_14 = (list(&["member_of", "resources", "in_tree"]));
    LIST_18 = (list(&["member_of", "resources", "in_tree", "required"]));
}
