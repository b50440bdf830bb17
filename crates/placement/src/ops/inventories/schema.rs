//! Bodies of inventories. Numbers are bounded as placement's database bounds them.

use serde_json::{Value, json};

const MOST: u32 = 2_147_483_647;

fn record(required: &[&str]) -> Value {
    let from = |least: u32| json!({"type": "integer", "maximum": MOST, "minimum": least});
    json!({
        "type": "object",
        "properties": {
            "resource_provider_generation": {"type": "integer"},
            "total": from(1), "reserved": from(0), "min_unit": from(1), "max_unit": from(1), "step_size": from(1),
            "allocation_ratio": {"type": "number", "maximum": 3.402_82e38},
        },
        "required": required,
        "additionalProperties": false,
    })
}

fn create() -> Value {
    let mut schema = record(&["total", "resource_class"]);
    schema["properties"]["resource_class"] = json!({"type": "string", "pattern": "^[A-Z0-9_]+$"});
    schema
}

/// All inventories of one provider, which the reshaper takes too.
pub(crate) fn provider_inventories() -> Value {
    json!({
        "type": "object",
        "properties": {
            "resource_provider_generation": {"type": "integer"},
            "inventories": {"type": "object", "patternProperties": {"^[A-Z0-9_]+$": record(&["total"])}},
        },
        "required": ["resource_provider_generation", "inventories"],
        "additionalProperties": false,
    })
}

http::schema! {
    CREATE = (create());
    UPDATE = (record(&["total", "resource_provider_generation"]));
    REPLACE = (provider_inventories());
}
