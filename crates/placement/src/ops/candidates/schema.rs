//! The keys of `GET /allocation_candidates` at each version that added some.

use serde_json::{Value, json};

const TEXT: &str = "string";

fn plain(keys: &[&str]) -> Value {
    let mut schema = json!({
        "type": "object", "properties": {"resources": {"type": TEXT}}, "required": ["resources"], "additionalProperties": false,
    });
    for key in keys {
        schema["properties"][*key] = json!({"type": TEXT});
    }
    if keys.contains(&"limit") {
        schema["properties"]["limit"] = limit();
    }
    schema
}

fn limit() -> Value {
    json!({"type": ["integer", "string"], "pattern": "^[1-9][0-9]*$", "minimum": 1, "minLength": 1})
}

/// From 1.25 on groups have suffixes.
fn grouped(suffix: &str, prefixes: &[&str], keys: &[&str]) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": {"limit": limit(), "group_policy": {"type": TEXT, "enum": ["none", "isolate"]}},
        "patternProperties": {},
        "additionalProperties": false,
    });
    for prefix in prefixes {
        schema["patternProperties"][format!("^{prefix}({suffix})?$")] = json!({"type": TEXT});
    }
    for key in keys {
        schema["properties"][*key] = json!({"type": TEXT});
    }
    schema
}

const NUMBER: &str = "[1-9][0-9]*";
const WORD: &str = "[a-zA-Z0-9_-]{1,64}";
const THREE: &[&str] = &["resources", "required", "member_of"];
const FOUR: &[&str] = &["resources", "required", "member_of", "in_tree"];

http::schema! {
    LIST_10 = (plain(&[]));
    LIST_16 = (plain(&["limit"]));
    LIST_17 = (plain(&["limit", "required"]));
    LIST_21 = (plain(&["limit", "required", "member_of"]));
    LIST_25 = (grouped(NUMBER, THREE, &[]));
    LIST_31 = (grouped(NUMBER, FOUR, &[]));
    LIST_33 = (grouped(WORD, FOUR, &[]));
    LIST_35 = (grouped(WORD, FOUR, &["root_required"]));
    LIST_36 = (grouped(WORD, FOUR, &["root_required", "same_subtree"]));
}
