//! Names that operators may give.

fn name() -> serde_json::Value {
    serde_json::json!({"type": "string", "pattern": "^CUSTOM_[A-Z0-9_]+$", "minLength": 1, "maxLength": 255})
}

http::schema! {
    CLASS = {
        "type": "object", "properties": {"name": (name())}, "required": ["name"], "additionalProperties": false
    };
    TRAIT_NAME = (name());
    TRAITS = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "associated": {"type": "string"}},
        "additionalProperties": false
    };
}
