//! Parts that the schemas of many resources share, and schemas that change with the version.

use serde_json::{Value, json};

/// `by_version! { CREATE = create: 1, 19, 32 }`: a table of schemas, one for each version (2.1, 2.19, 2.32) from which on
/// `create(minor)` gives something else. Once in a module, for it brings the test that all of them compile.
macro_rules! by_version {
    ($($name:ident = $make:ident: $($minor:literal),+ $(,)?);+ $(;)?) => {
        $(
        pub(crate) static $name: &[(kernel::Microversion, &http::Schema)] = &[
            $((kernel::Microversion::new(2, $minor), {
                static SCHEMA: http::Schema = http::Schema::new(|| $make($minor));
                &SCHEMA
            })),+
        ];
        )+

        #[cfg(test)]
        #[test]
        fn schemas_compile() {
            for (version, schema) in [$($name),+].into_iter().flatten() {
                schema.compile().unwrap_or_else(|e| panic!("{version}: {}", e.internal_text()));
            }
        }
    };
}
pub(crate) use by_version;

/// An object with these properties and no others.
pub(crate) fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// An object with these properties and any others: what Nova never judged.
pub(crate) fn open_object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

/// `{"key": <value>}` and nothing else.
pub(crate) fn only(key: &str, value: Value) -> Value {
    object(json!({ key: value }), &[key])
}

/// An action that takes no arguments: `{"os-start": null}`; Nova lets anything stand there.
pub(crate) fn bare(action: &str) -> Value {
    only(action, json!({}))
}

pub(crate) fn text(min: usize, max: usize) -> Value {
    json!({"type": "string", "minLength": min, "maxLength": max})
}

pub(crate) fn pattern(pattern: &str, min: usize, max: usize) -> Value {
    json!({"type": "string", "minLength": min, "maxLength": max, "pattern": pattern})
}

pub(crate) fn name() -> Value {
    json!({"type": "string", "format": "name", "minLength": 1, "maxLength": 255})
}

pub(crate) fn zone_name() -> Value {
    json!({"type": "string", "format": "az_name", "minLength": 1, "maxLength": 255})
}

/// Printable characters, or none.
pub(crate) fn description() -> Value {
    json!({"type": ["string", "null"], "minLength": 0, "maxLength": 255, "pattern": "^[^\\p{Cc}]*$"})
}

pub(crate) fn boolean() -> Value {
    json!({
        "type": ["boolean", "string"],
        "enum": [true, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes",
                 false, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no"],
    })
}

/// A number of at least `min`, also written as a string.
pub(crate) fn number(min: i64) -> Value {
    json!({"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": min, "minLength": 1})
}

/// The same with Nova's greatest.
pub(crate) fn number_to_max(min: i64) -> Value {
    json!({"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": min, "maximum": 0x7FFF_FFFF, "minLength": 1})
}

pub(crate) fn uuid() -> Value {
    json!({"type": "string", "format": "uuid"})
}

/// A flavor by id or address.
pub(crate) fn flavor_ref() -> Value {
    json!({"type": ["string", "integer"], "minLength": 1})
}

pub(crate) fn uuid_or_empty() -> Value {
    json!({"oneOf": [uuid(), {"type": "string", "maxLength": 0}]})
}

pub(crate) fn ip() -> Value {
    json!({"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]})
}

pub(crate) fn fqdn() -> Value {
    pattern("^[a-zA-Z0-9-._]*$", 1, 255)
}

/// A host name without dots before 2.94, with them from then on.
pub(crate) fn hostname(minor: u16) -> Value {
    if minor >= 94 { fqdn() } else { pattern("^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$", 2, 63) }
}

pub(crate) fn metadata() -> Value {
    json!({
        "type": "object",
        "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": "string", "maxLength": 255}},
        "additionalProperties": false,
    })
}

/// The same where a null takes an item away.
pub(crate) fn metadata_with_null() -> Value {
    json!({
        "type": "object",
        "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": ["string", "null"], "maxLength": 255}},
        "additionalProperties": false,
    })
}

/// A tag of a server or a device.
pub(crate) fn tag() -> Value {
    pattern("^[^,/]*$", 1, 60)
}

pub(crate) fn disk_config() -> Value {
    json!({"type": "string", "enum": ["AUTO", "MANUAL"]})
}

pub(crate) fn trusted_certs() -> Value {
    json!({"type": ["array", "null"], "minItems": 1, "maxItems": 50, "uniqueItems": true, "items": text(1, 255)})
}

/// A query's value: a list of strings.
pub(crate) fn words() -> Value {
    json!({"type": "array", "items": {"type": "string"}})
}

/// The same where each must be a regular expression.
pub(crate) fn patterns() -> Value {
    json!({"type": "array", "items": {"type": "string", "format": "regex"}})
}

/// One value of a query that must match.
pub(crate) fn values(item: Value) -> Value {
    json!({"type": "array", "items": item})
}

/// `limit` and `marker`.
pub(crate) fn paging(properties: &mut Value) {
    properties["limit"] = values(json!({"type": "string", "pattern": "^[0-9]*$", "minLength": 1}));
    properties["marker"] = words();
}

/// A query with these parameters; others are let through if `open`.
pub(crate) fn query(properties: Value, open: bool) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": open})
}
