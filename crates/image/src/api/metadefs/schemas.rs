//! What definitions must look like: bodies are judged by these documents, and clients read them at `/v2/schemas/metadefs/*`.

use crate::api::schemas::list_schema;
use serde_json::{Map, Value, json};

http::schema! {
    NAMESPACE = (namespace());
    OBJECT = (object());
    PROPERTY = (property(&["type", "title", "name"]));
    /// One within an object or a namespace, where its name stands outside.
    NAMELESS_PROPERTY = (property(&["type", "title"]));
    ASSOCIATION = (association());
    TAG = (tag());
    TAGS = {
        "name": "tags",
        "additionalProperties": false,
        "required": ["tags"],
        "properties": {"tags": {"type": "array", "items": {
            "type": "object", "required": ["name"], "additionalProperties": false,
            "properties": {"name": {"type": "string", "maxLength": 80}},
        }}},
    };
}

/// The document at `/v2/schemas/metadefs/{name}`.
pub(super) fn document(name: &str) -> Option<Value> {
    Some(match name {
        "namespace" => namespace(),
        "namespaces" => list_schema("namespaces", namespace()),
        "object" => object(),
        "objects" => list_schema("objects", object()),
        "property" => property(&["type", "title", "name"]),
        "properties" => by_name("properties", property(&["type", "title"])),
        "resource_type" => association(),
        "resource_types" => list_schema("resource_type_associations", association()),
        "tag" => tag(),
        "tags" => list_schema("tags", tag()),
        _ => return None,
    })
}

/// A list whose items stand under their names.
fn by_name(name: &str, item: Value) -> Value {
    let mut document = list_schema(name, Value::Null);
    document["properties"][name] = json!({"type": "object", "additionalProperties": item});
    document
}

fn definitions() -> Value {
    json!({
        "positiveInteger": {"type": "integer", "minimum": 0},
        "positiveIntegerDefault0": {"allOf": [{"$ref": "#/definitions/positiveInteger"}, {"default": 0}]},
        "stringArray": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
        "property": {
            "type": "object",
            "additionalProperties": {
                "type": "object", "required": ["title", "type"], "properties": property_words(),
            },
        },
    })
}

fn property_words() -> Value {
    let types = json!(["array", "boolean", "integer", "number", "object", "string", null]);
    json!({
        "name": {"type": "string", "maxLength": 80},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "operators": {"type": "array", "items": {"type": "string"}},
        "type": {"type": "string", "enum": types},
        "required": {"$ref": "#/definitions/stringArray"},
        "minimum": {"type": "number"},
        "maximum": {"type": "number"},
        "maxLength": {"$ref": "#/definitions/positiveInteger"},
        "minLength": {"$ref": "#/definitions/positiveIntegerDefault0"},
        "pattern": {"type": "string", "format": "regex"},
        "enum": {"type": "array"},
        "readonly": {"type": "boolean"},
        "default": {},
        "items": {
            "type": "object",
            "properties": {"type": {"type": "string", "enum": types}, "enum": {"type": "array"}},
        },
        "maxItems": {"$ref": "#/definitions/positiveInteger"},
        "minItems": {"$ref": "#/definitions/positiveIntegerDefault0"},
        "uniqueItems": {"type": "boolean", "default": false},
        "additionalItems": {"type": "boolean"},
    })
}

fn property(required: &[&str]) -> Value {
    json!({
        "name": "property", "additionalProperties": false, "required": required,
        "definitions": definitions(), "properties": property_words(),
    })
}

fn stamps(what: &str) -> Map<String, Value> {
    let one = |which: &str| {
        let text = format!("Date and time of {what} {which}");
        json!({"type": "string", "readOnly": true, "description": text, "format": "date-time"})
    };
    [("created_at".to_owned(), one("creation")), ("updated_at".to_owned(), one("modification"))].into_iter().collect()
}

fn with_stamps(what: &str, mut properties: Value) -> Value {
    if let Value::Object(map) = &mut properties {
        map.extend(stamps(what));
    }
    properties
}

fn object_words() -> Value {
    json!({
        "name": {"type": "string", "maxLength": 80},
        "description": {"type": "string"},
        "required": {"$ref": "#/definitions/stringArray"},
        "properties": {"$ref": "#/definitions/property"},
    })
}

fn object() -> Value {
    let mut words = with_stamps("object", object_words());
    words["schema"] = json!({"readOnly": true, "type": "string"});
    words["self"] = json!({"readOnly": true, "type": "string"});
    json!({
        "name": "object", "additionalProperties": false, "required": ["name"],
        "definitions": definitions(), "properties": words,
    })
}

fn tag() -> Value {
    let words = with_stamps("tag", json!({"name": {"type": "string", "maxLength": 80}}));
    json!({"name": "tag", "additionalProperties": false, "required": ["name"], "properties": words})
}

fn association() -> Value {
    let text = |what: &str| json!({"type": "string", "description": what, "maxLength": 80});
    let words = json!({
        "name": text("The type of resource, named as Heat names it"),
        "prefix": text("Put before the namespace's properties when they are applied to this type, with its separator"),
        "properties_target": text("Which of a resource's sets of properties is meant, where it has more than one"),
    });
    let words = with_stamps("resource type association", words);
    json!({"name": "resource_type_association", "additionalProperties": false, "required": ["name"], "properties": words})
}

fn namespace() -> Value {
    let words = json!({
        "namespace": {"type": "string", "description": "The unique namespace text.", "maxLength": 80, "minLength": 1},
        "display_name": {"type": "string", "description": "The user friendly name for the namespace.", "maxLength": 80},
        "description": {"type": "string", "description": "What the namespace is about.", "maxLength": 500},
        "visibility": {"type": "string", "description": "Scope of namespace accessibility.", "enum": ["public", "private"]},
        "protected": {"type": "boolean", "description": "If true, namespace will not be deletable."},
        "owner": {"type": "string", "description": "Owner of the namespace.", "maxLength": 255},
        "schema": {"readOnly": true, "type": "string"},
        "self": {"readOnly": true, "type": "string"},
        "resource_type_associations": {"type": "array", "items": {
            "type": "object", "required": ["name"],
            "properties": {
                "name": {"type": "string", "maxLength": 80}, "prefix": {"type": "string", "maxLength": 80},
                "properties_target": {"type": "string", "maxLength": 80},
            },
        }},
        "properties": {"$ref": "#/definitions/property"},
        "objects": {"type": "array", "items": {"type": "object", "required": ["name"], "properties": object_words()}},
        "tags": {"type": "array", "items": {
            "type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 80}},
        }},
    });
    json!({
        "name": "namespace", "additionalProperties": false, "required": ["namespace"],
        "definitions": definitions(), "properties": with_stamps("namespace", words),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_schemas_compile() {
        for schema in [&NAMESPACE, &OBJECT, &PROPERTY, &NAMELESS_PROPERTY, &ASSOCIATION, &TAG, &TAGS] {
            schema.compile().unwrap();
        }
    }
}
