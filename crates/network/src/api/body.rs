//! Request bodies: read against a resource's table, defaults filled in, what was set noted for policy.

use super::spec::{Attr, Spec};
use crate::{
    error::NetError,
    ops::{
        access::{Reach, Set},
        common::Asked,
    },
};
use kernel::{Ctx, Error, ProjectId, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// One or several new ones, `{"network": {…}}` or `{"networks": […]}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Created<T> {
    pub asked: Vec<Asked<T>>,
    /// The answer has the same form as the question.
    pub bulk: bool,
}

pub fn create<T: DeserializeOwned>(spec: &Spec, cx: &Ctx, body: Value) -> Result<Created<T>> {
    let mut body = whole(body)?;
    if let Some(one) = body.remove(spec.resource) {
        return Ok(Created { asked: vec![new(spec, cx, object(spec, one)?)?], bulk: false });
    }
    let many = match body.remove(spec.collection) {
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(_) => return Err(NetError::request("Resources required").into()),
        None => return Err(NetError::request("Resource body required").into()),
    };
    let asked = many.into_iter().map(|item| {
        // Neutron takes both `[{…}]` and `[{"network": {…}}]`.
        let mut item = object(spec, item)?;
        match item.remove(spec.resource) {
            Some(inner) if item.is_empty() => new(spec, cx, object(spec, inner)?),
            Some(inner) => {
                item.insert(spec.resource.to_owned(), inner);
                new(spec, cx, item)
            }
            None => new(spec, cx, item),
        }
    });
    Ok(Created { asked: asked.collect::<Result<_>>()?, bulk: true })
}

/// The id in a body that has nothing but one: `{"network_id": …}`.
pub fn id_in(body: &Value, name: &str) -> Result<String> {
    let absent = || NetError::request(format!("Unable to find '{name}' in request body"));
    let id = super::kind::Kind::Uuid.read(name, body.get(name).ok_or_else(absent)?)?;
    Ok(id.as_str().unwrap_or_default().to_owned())
}

/// The one object of a body that may have no more.
pub fn single<T: DeserializeOwned>(spec: &Spec, cx: &Ctx, body: Value) -> Result<T> {
    let one = whole(body)?.remove(spec.resource).ok_or_else(|| NetError::request("Resource body required"))?;
    Ok(new::<T>(spec, cx, object(spec, one)?)?.body)
}

fn whole(body: Value) -> Result<Map<String, Value>> {
    match body {
        Value::Object(map) => Ok(map),
        _ => Err(NetError::request("Resource body required").into()),
    }
}

fn object(spec: &Spec, value: Value) -> Result<Map<String, Value>> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(NetError::request(format!("Body contains invalid data: {} must be an object", spec.resource)).into()),
    }
}

fn new<T: DeserializeOwned>(spec: &Spec, cx: &Ctx, mut given: Map<String, Value>) -> Result<Asked<T>> {
    let project = project(spec, cx, &mut given)?;
    known(spec, &given)?;
    let (mut values, mut set) = (Map::new(), Set::default());
    for attr in spec.attrs().filter(|a| a.name != "project_id") {
        let value = given.remove(attr.name);
        if !attr.create {
            if value.is_some() {
                return Err(NetError::request(format!("Attribute '{}' not allowed in POST", attr.name)).into());
            }
            continue;
        }
        let value = match value {
            Some(value) => Some(attr.kind.read(attr.name, &value)?),
            None => None,
        };
        match (value, attr.default.value()) {
            (Some(value), default) => {
                if default.as_ref() != Some(&value) {
                    note(&mut set, attr, &value);
                }
                values.insert(attr.name.to_owned(), value);
            }
            (None, Some(default)) => {
                values.insert(attr.name.to_owned(), default);
            }
            (None, None) if attr.default == super::spec::Default::Required => {
                let name = attr.name;
                let text = format!("Failed to parse request. Required attribute '{name}' not specified");
                return Err(NetError::request(text).into());
            }
            (None, None) => {}
        }
    }
    Ok(Asked { set, project, body: typed(spec, values)? })
}

/// Changes to one: what was given, in its form, and its names.
pub fn update<T: DeserializeOwned>(spec: &Spec, cx: &Ctx, body: Value) -> Result<(Set, T)> {
    let mut body = whole(body)?;
    let given = body.remove(spec.resource).ok_or_else(|| NetError::request("Resource body required"))?;
    let mut given = object(spec, given)?;
    if given.contains_key("project_id") || given.contains_key("tenant_id") {
        project(spec, cx, &mut given)?;
        let name = "project_id";
        return Err(NetError::request(format!("Cannot update read-only attribute {name}")).into());
    }
    known(spec, &given)?;
    let (mut values, mut set) = (Map::new(), Set::default());
    for (name, value) in given {
        let Some(attr) = spec.attr(&name) else { continue };
        if !attr.update {
            return Err(NetError::request(format!("Cannot update read-only attribute {name}")).into());
        }
        let value = attr.kind.read(attr.name, &value)?;
        note(&mut set, attr, &value);
        values.insert(name, value);
    }
    Ok((set, typed(spec, values)?))
}

/// Notes an attribute as set, with the parts of structured ones: `fixed_ips:ip_address`.
fn note(set: &mut Set, attr: &Attr, value: &Value) {
    note_named(set, attr.name, value);
}

/// The same of a value that no table describes.
pub fn noted(name: &str, value: &Value) -> Set {
    let mut set = Set::default();
    note_named(&mut set, name, value);
    set
}

fn note_named(set: &mut Set, attr: &str, value: &Value) {
    set.0.push(attr.to_owned());
    let objects = match value {
        Value::Object(_) => std::slice::from_ref(value),
        Value::Array(items) => items,
        _ => &[],
    };
    for (part, _) in objects.iter().filter_map(Value::as_object).flatten().filter(|(_, v)| !v.is_null()) {
        let name = format!("{attr}:{part}");
        if !set.has(&name) {
            set.0.push(name);
        }
    }
}

fn known(spec: &Spec, given: &Map<String, Value>) -> Result<()> {
    let unknown: Vec<_> = given.keys().filter(|name| spec.attr(name).is_none()).map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(NetError::request(format!("Unrecognized attribute(s) '{}'", unknown.join(", "))).into())
}

/// Whose it will be: the caller's project, or the one named if the caller works for all.
fn project(spec: &Spec, cx: &Ctx, given: &mut Map<String, Value>) -> Result<ProjectId> {
    let (new, old) = (given.remove("project_id"), given.remove("tenant_id"));
    if let (Some(new), Some(old)) = (&new, &old)
        && new != old
    {
        return Err(NetError::request("'project_id' and 'tenant_id' do not match").into());
    }
    let own = cx.credentials.project();
    match new.or(old) {
        // Who works for all may say that it is nobody's.
        Some(Value::Null) if Reach::of(cx).all => Ok(ProjectId::default()),
        Some(named) => {
            let named = super::kind::Kind::Text(255).read("project_id", &named)?;
            let named = ProjectId::from(named.as_str().unwrap_or_default());
            if own != Some(&named) && !Reach::of(cx).all {
                let text = "Specifying 'project_id' other than the authenticated project in request is not allowed for the current user.";
                return Err(NetError::request(text).into());
            }
            Ok(named)
        }
        None => own.cloned().ok_or_else(|| {
            let text = format!("a {} needs a project: use a project-scoped token or name project_id", spec.resource);
            NetError::request(text).into()
        }),
    }
}

/// The table has made the values what the type wants; where it has not, that is our mistake.
fn typed<T: DeserializeOwned>(spec: &Spec, values: Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(values))
        .map_err(|e| Error::internal(format!("reading the attributes of a {}", spec.resource)).with_source(e))
}
