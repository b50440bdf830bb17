//! How definitions look. What is not set is not shown.

use crate::model::{Association, Namespace, ObjectDefinition, PropertyDefinition, ResourceType, Stamps, TagDefinition};
use serde_json::{Map, Value, json};

fn stamped(stamps: &Stamps, value: Value) -> Value {
    let mut out = match value {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    out.retain(|_, v| !v.is_null());
    out.insert("created_at".into(), json!(stamps.created_at.iso_z()));
    out.insert("updated_at".into(), json!(stamps.updated_at.iso_z()));
    Value::Object(out)
}

fn href(namespace: &str) -> String {
    format!("/v2/metadefs/namespaces/{namespace}")
}

/// A namespace's own attributes, and its associations if it has any.
pub(super) fn namespace(namespace: &Namespace, associations: bool) -> Value {
    let mut out = stamped(
        &namespace.stamps,
        json!({
            "namespace": namespace.name,
            "display_name": namespace.display_name,
            "description": namespace.description,
            "visibility": namespace.visibility.as_str(),
            "protected": namespace.protected,
            "owner": namespace.owner,
            "self": href(&namespace.name),
            "schema": "/v2/schemas/metadefs/namespace",
        }),
    );
    if associations && !namespace.associations.is_empty() {
        out["resource_type_associations"] = namespace.associations.iter().map(|(n, a)| association(n, a)).collect();
    }
    out
}

/// A namespace with all that it defines, its properties under the prefix of a type of resource if one is named.
pub(super) fn whole(of: &Namespace, resource_type: Option<&str>) -> Value {
    let mut out = namespace(of, true);
    let prefix = resource_type.and_then(|t| of.associations.get(t)).and_then(|a| a.prefix.as_deref()).unwrap_or("");
    if !of.objects.is_empty() {
        out["objects"] = of.objects.iter().map(|(n, o)| prefixed_object(&of.name, n, o, prefix)).collect();
    }
    if !of.properties.is_empty() {
        out["properties"] = properties(of, prefix);
    }
    if !of.tags.is_empty() {
        out["tags"] = of.tags.keys().map(|name| json!({"name": name})).collect();
    }
    out
}

pub(super) fn properties(of: &Namespace, prefix: &str) -> Value {
    of.properties.iter().map(|(name, p)| (format!("{prefix}{name}"), Value::Object(p.schema.clone()))).collect()
}

fn prefixed_object(namespace: &str, name: &str, object: &ObjectDefinition, prefix: &str) -> Value {
    let under = |name: &String| format!("{prefix}{name}");
    let properties: Map<String, Value> = object.properties.iter().map(|(n, p)| (under(n), p.clone())).collect();
    stamped(
        &object.stamps,
        json!({
            "name": name,
            "description": object.description,
            "required": object.required.iter().map(under).collect::<Vec<_>>(),
            "properties": properties,
            "self": format!("{}/objects/{name}", href(namespace)),
            "schema": "/v2/schemas/metadefs/object",
        }),
    )
}

pub(super) fn object(namespace: &str, name: &str, object: &ObjectDefinition) -> Value {
    prefixed_object(namespace, name, object, "")
}

pub(super) fn property(name: &str, property: &PropertyDefinition) -> Value {
    let mut out = property.schema.clone();
    out.insert("name".into(), json!(name));
    Value::Object(out)
}

pub(super) fn tag(name: &str, tag: &TagDefinition) -> Value {
    stamped(&tag.stamps, json!({"name": name}))
}

pub(super) fn association(name: &str, association: &Association) -> Value {
    let (prefix, target) = (&association.prefix, &association.properties_target);
    stamped(&association.stamps, json!({"name": name, "prefix": prefix, "properties_target": target}))
}

pub(super) fn resource_type(resource_type: &ResourceType) -> Value {
    stamped(&resource_type.stamps, json!({"name": resource_type.name}))
}
