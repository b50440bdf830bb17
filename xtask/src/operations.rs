//! `cargo xtask operations DIR`: the table of OpenStack's operations, `docs/data/operations.csv`, drawn from OpenAPI documents.
//!
//! One row an operation: service, method, path, action, min, max. A path is the document's, without a slash at its end, and its
//! variables are `{}`: their names differ between any two descriptions of one API. A `POST …/action` is one row for each
//! action its body may name. Cinder's documents list every path twice, with and without a project: it is one row here.
//!
//! The documents are not part of the project; the table is, and is what `docs/compatibility.md` is measured by.

use serde_yaml::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const TABLE: &str = "docs/data/operations.csv";
const METHODS: &[&str] = &["get", "head", "post", "put", "patch", "delete"];

/// A document's file name without `.yaml`, and what TStack calls the service.
const SERVICES: &[(&str, &str)] = &[
    ("identity", "identity"),
    ("compute", "compute"),
    ("placement", "placement"),
    ("network", "network"),
    ("image", "image"),
    ("block-storage", "volume"),
    ("shared-file-system", "share"),
    ("object-store", "object"),
    ("load-balancer", "load-balancer"),
    ("dns", "dns"),
    ("container-infrastructure-management", "container"),
];

/// The versions in which something exists; none where the service has no microversions or always had it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    min: Option<Version>,
    max: Option<Version>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u16, u16);

impl Version {
    fn read(value: &Value) -> Option<Self> {
        let (major, minor) = value.as_str()?.split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

impl Range {
    fn of(node: &Value) -> Self {
        let at = |key| Version::read(&node["x-openstack"][key]);
        Self { min: at("min-ver"), max: at("max-ver") }
    }

    /// Both together; a side without an end stays without one.
    fn joined(&self, other: &Self) -> Self {
        let both = |a: Option<Version>, b: Option<Version>| a.zip(b);
        Self {
            min: both(self.min, other.min).map(|(a, b)| a.min(b)),
            max: both(self.max, other.max).map(|(a, b)| a.max(b)),
        }
    }
}

type Row = (String, String, String);

pub fn run(rest: &[String]) -> Result<(), String> {
    let [dir] = rest else { return Err("expected the directory of the OpenAPI documents".into()) };
    let mut text = String::from("service,method,path,action,min,max\n");
    for (file, service) in SERVICES {
        let path = Path::new(dir).join(format!("{file}.yaml"));
        let document = fs::read_to_string(&path).map_err(|e| format!("reading {}: {e}", path.display()))?;
        let document = serde_yaml::from_str(&document).map_err(|e| format!("reading {}: {e}", path.display()))?;
        let rows = operations(&document);
        println!("{service}: {} operations", rows.len());
        text.extend(rows.iter().map(|row| line(service, row)));
    }
    fs::create_dir_all("docs/data").and_then(|()| fs::write(TABLE, text)).map_err(|e| format!("writing {TABLE}: {e}"))
}

fn line(service: &str, ((path, method, action), range): (&Row, &Range)) -> String {
    let end = |v: Option<Version>| v.map(|Version(major, minor)| format!("{major}.{minor}")).unwrap_or_default();
    format!("{service},{method},{path},{action},{},{}\n", end(range.min), end(range.max))
}

fn operations(document: &Value) -> BTreeMap<Row, Range> {
    let mut rows = BTreeMap::new();
    for (path, methods) in document["paths"].as_mapping().into_iter().flatten() {
        let path = plain(path.as_str().unwrap_or_default());
        for method in METHODS {
            let Some(operation) = methods.get(method) else { continue };
            for (action, range) in actions(document, operation) {
                rows.insert((path.clone(), method.to_uppercase(), action), range);
            }
        }
    }
    rows
}

/// Variables without names, no slash at the end, no project in front (Cinder's older form of the same path).
fn plain(path: &str) -> String {
    let path = path.replacen("/v3/{project_id}/", "/v3/", 1).replacen("/v3/{admin_project_id}/", "/v3/", 1);
    let bare = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    let path = bare.collect::<Vec<_>>().join("/");
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.to_owned(),
    }
}

/// The actions that an operation's body may name; one without a name for an operation that has none.
fn actions(document: &Value, operation: &Value) -> BTreeMap<String, Range> {
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    collect(document, body, &mut seen, &mut found);
    if found.is_empty() {
        found.insert(String::new(), Range::of(operation));
    }
    found
}

/// A schema is an action, a choice of schemas, or a reference. A choice that has the action's name is the sum of its
/// versions, which have it too.
fn collect<'a>(
    document: &'a Value,
    schema: &'a Value,
    seen: &mut BTreeSet<&'a str>,
    found: &mut BTreeMap<String, Range>,
) {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/components/schemas/")) {
        if seen.insert(name) {
            collect(document, &document["components"]["schemas"][name], seen, found);
        }
        return;
    }
    let choices = schema["oneOf"].as_sequence();
    if let Some(choices) = choices {
        choices.iter().for_each(|choice| collect(document, choice, seen, found));
    }
    let action = schema["x-openstack"]["action-name"].as_str();
    // Keystone's documents have bodies whose action is the method.
    let action = action.filter(|a| !METHODS.contains(&a.to_lowercase().as_str()));
    if let (Some(action), None) = (action, choices) {
        let range = Range::of(schema);
        found.entry(action.to_owned()).and_modify(|r| *r = r.joined(&range)).or_insert(range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "
paths:
  /v3/{project_id}/volumes/{id}/action:
    post:
      requestBody: {content: {application/json: {schema: {oneOf: [
        {$ref: '#/components/schemas/Up'},
        {x-openstack: {action-name: down, min-ver: '3.40'}}]}}}}
  /v3/volumes/{id}/:
    get: {x-openstack: {min-ver: '3.1', max-ver: '3.9'}}
    parameters: []
components:
  schemas:
    Up:
      x-openstack: {action-name: up}
      oneOf: [
        {x-openstack: {action-name: up, min-ver: '3.2', max-ver: '3.4'}},
        {x-openstack: {action-name: up, min-ver: '3.10'}}]
";

    #[test]
    fn a_row_for_each_action_and_its_versions() {
        let rows = operations(&serde_yaml::from_str(DOCUMENT).unwrap());
        let text: String = rows.iter().map(|row| line("volume", row)).collect();
        assert_eq!(
            text,
            "volume,GET,/v3/volumes/{},,3.1,3.9\n\
             volume,POST,/v3/volumes/{}/action,down,3.40,\n\
             volume,POST,/v3/volumes/{}/action,up,3.2,\n"
        );
    }
}
