//! Glance's JSON patches (`application/openstack-images-v2.1-json-patch`, and v2.0's older spelling): one level deep, values
//! of properties are strings.

use kernel::{Error, Result};
use serde_json::Value;

/// One change of one attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Add(String, Value),
    Replace(String, Value),
    Remove(String),
}

impl Change {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Add(name, _) | Self::Replace(name, _) | Self::Remove(name) => name,
        }
    }
}

fn bad(text: impl Into<String>) -> Error {
    Error::bad_request(text)
}

/// Reads the body of a PATCH.
pub(crate) fn read_patch(body: &Value) -> Result<Vec<Change>> {
    let operations = body.as_array().ok_or_else(|| bad("Request body must be a JSON array of operation objects."))?;
    operations.iter().map(read_operation).collect()
}

fn read_operation(operation: &Value) -> Result<Change> {
    let object = operation.as_object().ok_or_else(|| bad("Operations must be JSON objects."))?;
    let (op, path) = match object.get("op").and_then(Value::as_str) {
        Some(op) => (op, object.get("path").and_then(Value::as_str)),
        // v2.0: {"replace": "/name", "value": …}
        None => ["add", "replace", "remove"].iter().find_map(|op| Some((*op, object.get(*op)?.as_str()))).ok_or_else(
            || bad("Operation objects must contain exactly one member named \"add\", \"remove\", or \"replace\"."),
        )?,
    };
    let name = attribute(path.ok_or_else(|| bad("Unable to find 'path' in JSON Schema change"))?)?;
    let value = || {
        object
            .get("value")
            .cloned()
            .ok_or_else(|| bad(format!("Operation \"{op}\" requires a member named \"value\".")))
    };
    match op {
        "add" => Ok(Change::Add(name, value()?)),
        "replace" => Ok(Change::Replace(name, value()?)),
        "remove" => Ok(Change::Remove(name)),
        other => Err(bad(format!("Operations must be one of 'add', 'remove', 'replace', not '{other}'."))),
    }
}

/// The attribute of a JSON pointer of one level (RFC 6901: `~1` is `/`, `~0` is `~`).
fn attribute(path: &str) -> Result<String> {
    let rest = path.strip_prefix('/').ok_or_else(|| bad(format!("Pointer `{path}` does not start with \"/\".")))?;
    if rest.is_empty() || rest.contains('/') {
        return Err(bad(format!("Pointer `{path}` does not contain a valid attribute name.")));
    }
    let mut plain = rest.chars().peekable();
    let mut name = String::new();
    while let Some(c) = plain.next() {
        match (c, plain.peek()) {
            ('~', Some('0')) => name.push('~'),
            ('~', Some('1')) => name.push('/'),
            ('~', _) => {
                return Err(bad(format!("Pointer `{path}` contains \"~\" not part of a recognized escape sequence.")));
            }
            (c, _) => {
                name.push(c);
                continue;
            }
        }
        plain.next();
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_spellings_and_escapes() {
        let check = |body: Value, expect: Change| assert_eq!(read_patch(&json!([body])).unwrap(), [expect]);
        check(json!({"op": "replace", "path": "/name", "value": "x"}), Change::Replace("name".into(), json!("x")));
        check(json!({"replace": "/name", "value": "x"}), Change::Replace("name".into(), json!("x")));
        check(json!({"op": "remove", "path": "/a~1b~0c"}), Change::Remove("a/b~c".into()));
        for bad in [json!({}), json!({"op": "replace", "path": "/name"}), json!({"op": "move", "path": "/a"}), json!(3)]
        {
            assert!(read_patch(&json!([bad])).is_err(), "{bad}");
        }
        for path in ["name", "/", "/a/b", "/a~2"] {
            assert!(read_patch(&json!([{"op": "remove", "path": path}])).is_err(), "{path}");
        }
    }
}
