//! Schemas: what is refused, and in exactly which words.

use http::{Params, Schema, pick, schema};
use kernel::Microversion;
use serde_json::{Value, json};

schema! {
    SERVER = {
        "type": "object",
        "properties": {
            "server": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 8, "format": "name"},
                    "imageRef": {"type": "string", "oneOf": [{"format": "uuid"}, {"maxLength": 0}]},
                    "ram": {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 1, "maximum": 100},
                    "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2, "uniqueItems": true},
                    "status": {"enum": ["on", "off", null]},
                    "meta": {
                        "type": "object", "additionalProperties": false,
                        "patternProperties": {"^[a-z]+$": {"type": "string"}}
                    },
                    "cidr": {"type": "string", "format": "cidr"},
                    "when": {"type": "string", "format": "date-time"},
                    "link": {"type": "string", "format": "uri"},
                    "fixed": {"anyOf": [
                        {"type": "object", "required": ["ip"], "properties": {"ip": {"type": "string", "format": "ipv4"}}},
                        {"type": "null"}
                    ]},
                    "empty": {"type": "array", "minItems": 1},
                    "level": {"type": "integer", "exclusiveMinimum": 0, "multipleOf": 5},
                    "none": {"not": {"type": "string"}},
                    "one": {"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}, {"multipleOf": 5}]},
                    "a/b": {"type": "boolean"}
                },
                "required": ["name"],
                "dependentRequired": {"when": ["link"]},
                "additionalProperties": false
            }
        },
        "required": ["server"],
        "additionalProperties": false
    };
    KEYS = {
        "type": "object",
        "properties": {"key": {"type": "object", "properties": {"ids": {"type": "array", "items": {"type": "integer"}}}}}
    };
    QUERY = {
        "type": "object",
        "properties": {"limit": {"type": "array", "maxItems": 1, "items": {"type": "string", "pattern": "^[0-9]*$"}}},
        "additionalProperties": false
    };
    /// Draft 4's exclusive bounds are flags.
    OLD = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "integer", "exclusiveMaximum": true, "maximum": 10
    };
    BROKEN = {"type": "no such type"};
}

fn refusal(schema: &Schema, body: &Value) -> String {
    schema.check(body).err().map(|e| e.message().to_owned()).unwrap_or_default()
}

#[test]
fn words_of_python_jsonschema() {
    let with = |key: &str, value: Value| {
        let mut server = json!({"name": "n"});
        server[key] = value;
        json!({"server": server})
    };
    let field = |name: &str, value: &str, reason: &str| {
        format!("Invalid input for field/attribute {name}. Value: {value}. {reason}")
    };
    let cases = [
        (json!({"server": {"name": "n"}}), String::new()),
        (json!({}), "'server' is a required property".into()),
        (json!([]), "[] is not of type 'object'".into()),
        (json!({"server": {}}), field("server", "{}", "'name' is a required property")),
        (
            json!({"server": {"name": "n"}, "x": 1, "it's": 2}),
            "Additional properties are not allowed (\"it's\", 'x' were unexpected)".into(),
        ),
        (
            with("y", json!(1)),
            field("server", "{'name': 'n', 'y': 1}", "Additional properties are not allowed ('y' was unexpected)"),
        ),
        (with("name", json!(1)), field("name", "1", "1 is not of type 'string'")),
        (with("name", json!("")), field("name", "", "'' should be non-empty")),
        (with("name", json!("nnnnnnnnn")), field("name", "nnnnnnnnn", "'nnnnnnnnn' is too long")),
        (
            with("name", json!(" n")),
            "An invalid 'name' value was provided. The name must be: printable characters. \
             Can not start or end with whitespace."
                .into(),
        ),
        (with("ram", json!(true)), field("ram", "True", "True is not of type 'integer', 'string'")),
        (with("ram", json!("1x")), field("ram", "1x", "'1x' does not match '^[0-9]*$'")),
        (with("ram", json!("0")), field("ram", "0", "0 is less than the minimum of 1")),
        (with("ram", json!(101)), field("ram", "101", "101 is greater than the maximum of 100")),
        (with("ram", json!("64")), String::new()),
        (with("tags", json!(["a", "b", "c"])), field("tags", "['a', 'b', 'c']", "['a', 'b', 'c'] is too long")),
        (with("tags", json!(["a", "a"])), field("tags", "['a', 'a']", "['a', 'a'] has non-unique elements")),
        (with("tags", json!(["long"])), field("0", "long", "'long' is too long")),
        (with("status", json!("x")), field("status", "x", "'x' is not one of ['on', 'off', None]")),
        (
            with("meta", json!({"A": "b", "C": "d"})),
            field("meta", "{'A': 'b', 'C': 'd'}", "'A', 'C' do not match any of the regexes: '^[a-z]+$'"),
        ),
        (with("cidr", json!("10.0.0.0")), field("cidr", "10.0.0.0", "'10.0.0.0' is not a 'cidr'")),
        (with("cidr", json!("10.0.0.0/24")), String::new()),
        (with("link", json!("nowhere")), field("link", "nowhere", "'nowhere' is not a 'uri'")),
        (
            json!({"server": {"name": "n", "when": "2026-01-01T00:00:00Z"}}),
            field("server", "{'name': 'n', 'when': '2026-01-01T00:00:00Z'}", "'link' is a dependency of 'when'"),
        ),
        (
            with("fixed", json!({"ip": "1.2.3"})),
            field("fixed", "{'ip': '1.2.3'}", "{'ip': '1.2.3'} is not valid under any of the given schemas"),
        ),
        (with("one", json!(6)), field("one", "6", "6 is valid under each of {'multipleOf': 3}, {'multipleOf': 2}")),
        // Of several errors: inner ones before outer ones, then by keyword.
        (json!({"server": {"name": "", "y": 1}, "x": 1}), field("name", "", "'' should be non-empty")),
        (with("tags", json!(["ok", "long", 3])), field("1", "long", "'long' is too long")),
        (with("ram", json!("-1")), field("ram", "-1", "'-1' does not match '^[0-9]*$'")),
        (with("empty", json!([])), field("empty", "[]", "[] should be non-empty")),
        (with("level", json!(0)), field("level", "0", "0 is less than or equal to the minimum of 0")),
        (with("level", json!(7)), field("level", "7", "7 is not a multiple of 5")),
        (with("none", json!("x")), field("none", "x", "'x' should not be valid under {'type': 'string'}")),
        (with("a/b", Value::Null), field("a/b", "None", "None is not of type 'boolean'")),
        (with("imageRef", json!("")), String::new()),
    ];
    for (body, expect) in &cases {
        assert_eq!(refusal(&SERVER, body), *expect, "{body}");
    }
}

#[test]
fn keystone_and_queries() {
    let refused = KEYS.check_keystone(&json!({"key": {"ids": [1, "x"]}})).unwrap_err();
    assert_eq!(refused.message(), "Invalid input for field 'key/ids/1': 'x' is not of type 'integer'");
    let query = |text: &str| QUERY.check_query(&Params::parse(text)).err().map(|e| e.message().to_owned());
    assert_eq!(query(""), None);
    assert_eq!(query("limit=5"), None);
    let text = "Invalid input for query parameters limit. Value: -1. '-1' does not match '^[0-9]*$'";
    assert_eq!(query("limit=-1").as_deref(), Some(text));
    let text = "Invalid input for query parameters limit. Value: ['1', '2']. ['1', '2'] is too long";
    assert_eq!(query("limit=1&limit=2").as_deref(), Some(text));
    assert_eq!(query("x=1").as_deref(), Some("Additional properties are not allowed ('x' was unexpected)"));
}

#[test]
fn drafts_and_mistakes() {
    assert_eq!(refusal(&OLD, &json!(9)), "");
    assert_eq!(refusal(&OLD, &json!(10)), "10 is greater than or equal to the maximum of 10");
    assert!(SERVER.compile().is_ok());
    let broken = BROKEN.compile().unwrap_err();
    assert_eq!(broken.status(), 500);
    assert!(broken.internal_text().contains("compiling the schema"), "{broken:?}");
}

#[test]
fn formats() {
    let check = |format: &str, good: &[&str], bad: &[&str]| {
        let schema = FORMATS.iter().find(|(name, _)| *name == format).map(|(_, schema)| schema).expect(format);
        for value in good {
            assert_eq!(refusal(schema, &json!(value)), "", "{format}: {value}");
        }
        for value in bad {
            assert_ne!(refusal(schema, &json!(value)), "", "{format}: {value}");
        }
    };
    check(
        "uuid",
        &[
            "6a0a0c0e-9f7d-4d3c-8f83-6a3b4a3f7f10",
            "6a0a0c0e9f7d4d3c8f836a3b4a3f7f10",
            "{6A0A0C0E-9f7d-4d3c-8f83-6a3b4a3f7f10}",
        ],
        &["", "x", "6a0a0c0e-9f7d-4d3c-8f83-6a3b4a3f7f1", "6a0a0c0e-9f7d-4d3c-8f83-6a3b4a3f7f1g"],
    );
    check(
        "cidr",
        &["10.0.0.0/8", "::/0", "10.0.0.1/255.255.255.0"],
        &["10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/+8", " 10.0.0.0/8", "10.0.0.0/255.0.255.0"],
    );
    check("ipv4", &["1.2.3.4"], &["1.2.3", "::1", "1.2.3.256"]);
    check("ipv6", &["::1", "fe80::1"], &["1.2.3.4", "fe80::1%eth0", ""]);
    check("mac_addr", &["fa:16:3e:00:00:01"], &["fa:16:3e:00:00", "fa-16-3e-00-00-01", "fa:16:3e:00:00:zz"]);
    check(
        "date-time",
        &["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456+02:00", "2026-01-01T00:00:00"],
        &["", "now", "2026-01-01", "2026-13-01T00:00:00Z"],
    );
    check("uri", &["http://a/b", "https://[::1]:5000/?q#f"], &["", "a/b", "http://", "http://a b", "1http://a"]);
    check("base64", &["", "YQ==", "YWJj\n", "YWI="], &["YQ", "YQ===", "Y=Q=", "é"]);
    check("regex", &["^a+$"], &["", "("]);
    check("name", &["a", "a b", "é"], &["", " ", " a", "a ", "a\nb", "a\u{0}"]);
    check("name_with_leading_trailing_spaces", &["a", " a "], &["", " ", "\n"]);
    check("az_name", &["a", "a b"], &["a:b", " a"]);
    check("az_name_with_leading_trailing_spaces", &[" a "], &["a:b", " "]);
}

macro_rules! format_schemas {
    ($($name:literal),+ $(,)?) => {
        static FORMATS: [(&str, Schema); [$($name),+].len()] = [$(($name, Schema::new(|| json!({"type": "string", "format": $name})))),+];
    };
}

format_schemas!(
    "uuid",
    "cidr",
    "ipv4",
    "ipv6",
    "mac_addr",
    "date-time",
    "uri",
    "base64",
    "regex",
    "name",
    "name_with_leading_trailing_spaces",
    "az_name",
    "az_name_with_leading_trailing_spaces",
);

#[test]
fn schemas_by_version() {
    let v = Microversion::new;
    let table = [(v(2, 1), &SERVER), (v(2, 19), &KEYS)];
    let at = |version| pick(&table, version).map(std::ptr::from_ref);
    assert_eq!(at(v(2, 0)), None);
    assert_eq!(at(v(2, 1)), Some(std::ptr::from_ref(&SERVER)));
    assert_eq!(at(v(2, 18)), Some(std::ptr::from_ref(&SERVER)));
    assert_eq!(at(v(2, 19)), Some(std::ptr::from_ref(&KEYS)));
    assert_eq!(at(v(2, 90)), Some(std::ptr::from_ref(&KEYS)));
}
