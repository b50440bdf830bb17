//! Definitions read from bodies that their schema has allowed.

use super::schemas;
use crate::{
    error,
    model::{Association, Namespace, NamespaceVisibility, ObjectDefinition, PropertyDefinition, Stamps, TagDefinition},
    ops::metadefs::{namespaces::Attributes, parts::Part},
};
use kernel::{Ctx, Result};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const STAMPS: &[&str] = &["created_at", "updated_at"];
const MADE: &[&str] = &["self", "schema", "created_at", "updated_at"];

/// Judges a body: what only the service says is refused first, as Glance does.
fn judge(schema: &http::Schema, name: &str, read_only: &[&str], body: &Value) -> Result<()> {
    if let Some(given) = read_only.iter().find(|k| body.get(k).is_some()) {
        return Err(error::read_only(given));
    }
    if !body.is_object() {
        let text = format!("Provided object does not match schema '{name}': the body is not of type 'object'");
        return Err(kernel::Error::bad_request(text));
    }
    schema.check_glance(name, body)
}

fn text(body: &Value, name: &str) -> Option<String> {
    body.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn name_of(body: &Value) -> String {
    text(body, "name").unwrap_or_default()
}

fn map_of(body: &Value, name: &str) -> Map<String, Value> {
    body.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn list_of<'a>(body: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    body.get(name).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn attributes(cx: &Ctx, body: &Value) -> Result<Attributes> {
    judge(&schemas::NAMESPACE, "namespace", MADE, body)?;
    let owner = match text(body, "owner") {
        Some(owner) => owner.into(),
        None => cx.project()?.clone(),
    };
    let visibility = text(body, "visibility").and_then(|v| NamespaceVisibility::parse(&v));
    Ok(Attributes {
        name: text(body, "namespace").unwrap_or_default(),
        display_name: text(body, "display_name"),
        description: text(body, "description"),
        visibility: visibility.unwrap_or(NamespaceVisibility::Private),
        protected: body.get("protected").and_then(Value::as_bool).unwrap_or(false),
        owner,
    })
}

/// A namespace with what is defined in it.
pub(super) fn namespace(cx: &Ctx, body: &Value) -> Result<Namespace> {
    let own = attributes(cx, body)?;
    let stamps = Stamps::new(cx.now());
    let mut properties = BTreeMap::new();
    for (name, definition) in map_of(body, "properties") {
        schemas::NAMELESS_PROPERTY.check_glance("property", &definition)?;
        properties.insert(name, bare_property(definition, stamps));
    }
    let named = &own.name;
    Ok(Namespace {
        objects: unique(named, list_of(body, "objects").map(|o| (name_of(o), bare_object(o, stamps))))?,
        tags: unique(named, list_of(body, "tags").map(|t| (name_of(t), TagDefinition { stamps })))?,
        associations: unique(
            named,
            list_of(body, "resource_type_associations").map(|a| (name_of(a), bare_association(a, stamps))),
        )?,
        properties,
        name: own.name,
        display_name: own.display_name,
        description: own.description,
        visibility: own.visibility,
        protected: own.protected,
        owner: own.owner,
        stamps,
    })
}

fn unique<P: Part>(namespace: &str, parts: impl Iterator<Item = (String, P)>) -> Result<BTreeMap<String, P>> {
    let mut all = BTreeMap::new();
    for (name, part) in parts {
        if all.contains_key(&name) {
            return Err(P::duplicate(&name, namespace));
        }
        all.insert(name, part);
    }
    Ok(all)
}

fn bare_property(definition: Value, stamps: Stamps) -> PropertyDefinition {
    let mut schema = match definition {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    schema.remove("name"); // its key
    PropertyDefinition { schema, stamps }
}

fn bare_object(body: &Value, stamps: Stamps) -> ObjectDefinition {
    ObjectDefinition {
        description: text(body, "description"),
        required: list_of(body, "required").filter_map(Value::as_str).map(str::to_owned).collect(),
        properties: map_of(body, "properties"),
        stamps,
    }
}

fn bare_association(body: &Value, stamps: Stamps) -> Association {
    Association { prefix: text(body, "prefix"), properties_target: text(body, "properties_target"), stamps }
}

pub(super) fn object(cx: &Ctx, body: &Value) -> Result<(String, ObjectDefinition)> {
    judge(&schemas::OBJECT, "object", MADE, body)?;
    for property in map_of(body, "properties").values() {
        schemas::NAMELESS_PROPERTY.check_glance("property", property)?;
    }
    Ok((name_of(body), bare_object(body, Stamps::new(cx.now()))))
}

pub(super) fn property(cx: &Ctx, body: Value) -> Result<(String, PropertyDefinition)> {
    judge(&schemas::PROPERTY, "property", STAMPS, &body)?;
    Ok((name_of(&body), bare_property(body, Stamps::new(cx.now()))))
}

pub(super) fn association(cx: &Ctx, body: &Value) -> Result<(String, Association)> {
    judge(&schemas::ASSOCIATION, "resource_type_association", STAMPS, body)?;
    Ok((name_of(body), bare_association(body, Stamps::new(cx.now()))))
}

pub(super) fn tag(cx: &Ctx, body: &Value) -> Result<(String, TagDefinition)> {
    judge(&schemas::TAG, "tag", STAMPS, body)?;
    Ok((name_of(body), TagDefinition { stamps: Stamps::new(cx.now()) }))
}

pub(super) fn tags(body: &Value) -> Result<Vec<String>> {
    judge(&schemas::TAGS, "tags", STAMPS, body)?;
    Ok(list_of(body, "tags").map(name_of).collect())
}
