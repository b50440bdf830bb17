//! The permanent form of a value:
//!
//! ```text
//! <schema version, decimal> ' ' <CRC-32C of the JSON, 8 hex digits> ' ' <JSON object>
//! ```
//!
//! Readable with `etcdctl get`, checked on every read. A value of an older schema version is upcast; one of a newer version is
//! read if its known fields fit, and its unknown fields, nested objects included, are put back on writing.

use crate::Object;
use serde_json::{Map, Value};
use std::sync::Arc;

pub(crate) fn encode<T: Object>(value: &T, unknown: Option<&Map<String, Value>>) -> Result<Vec<u8>, String> {
    let json = match unknown {
        None => serde_json::to_vec(value),
        Some(unknown) => serde_json::to_value(value).and_then(|mut v| {
            merge(&mut v, unknown);
            serde_json::to_vec(&v)
        }),
    }
    .map_err(|e| format!("encoding a {}: {e}", T::KIND))?;
    Ok(frame(T::VERSION, &json))
}

pub(crate) fn frame(version: u32, json: &[u8]) -> Vec<u8> {
    let mut out = format!("{version} {:08x} ", crc32c::crc32c(json)).into_bytes();
    out.extend_from_slice(json);
    out
}

/// Splits and checks a framed value: its version and its JSON.
pub(crate) fn unframe(bytes: &[u8]) -> Result<(u32, &[u8]), String> {
    let mut parts = bytes.splitn(3, |b| *b == b' ');
    let text = |part: Option<&[u8]>| part.and_then(|p| std::str::from_utf8(p).ok().map(str::to_owned));
    let version = text(parts.next()).and_then(|v| v.parse().ok()).ok_or("no schema version")?;
    let crc = text(parts.next()).and_then(|c| u32::from_str_radix(&c, 16).ok()).ok_or("no checksum")?;
    let json = parts.next().ok_or("no value")?;
    let found = crc32c::crc32c(json);
    if found != crc {
        return Err(format!("checksum is {found:08x}, the value says {crc:08x}"));
    }
    Ok((version, json))
}

type Decoded<T> = (T, Option<Arc<Map<String, Value>>>);

pub(crate) fn decode<T: Object>(bytes: &[u8]) -> Result<Decoded<T>, String> {
    let (version, json) = unframe(bytes)?;
    let fail = |e: serde_json::Error| format!("reading a {} of schema version {version}: {e}", T::KIND);
    match version.cmp(&T::VERSION) {
        std::cmp::Ordering::Equal => Ok((serde_json::from_slice(json).map_err(fail)?, None)),
        std::cmp::Ordering::Less => {
            let value = T::upcast(version, serde_json::from_slice(json).map_err(fail)?)?;
            Ok((serde_json::from_value(value).map_err(fail)?, None))
        }
        std::cmp::Ordering::Greater => {
            let raw: Value = serde_json::from_slice(json).map_err(fail)?;
            let value: T = serde_json::from_value(raw.clone()).map_err(fail)?;
            let known = serde_json::to_value(&value).map_err(fail)?;
            let unknown = match (raw, known) {
                (Value::Object(raw), Value::Object(known)) => difference(raw, &known),
                _ => Map::new(),
            };
            Ok((value, (!unknown.is_empty()).then(|| Arc::new(unknown))))
        }
    }
}

/// The fields of `raw` that `known` lacks, nested objects compared field by field.
fn difference(raw: Map<String, Value>, known: &Map<String, Value>) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in raw {
        match (value, known.get(&name)) {
            (value, None) => {
                out.insert(name, value);
            }
            (Value::Object(value), Some(Value::Object(known))) => {
                let inner = difference(value, known);
                if !inner.is_empty() {
                    out.insert(name, Value::Object(inner));
                }
            }
            _ => {}
        }
    }
    out
}

fn merge(value: &mut Value, unknown: &Map<String, Value>) {
    let Value::Object(value) = value else { return };
    for (name, extra) in unknown {
        match (value.get_mut(name), extra) {
            (None, extra) => {
                value.insert(name.clone(), extra.clone());
            }
            (Some(inner @ Value::Object(_)), Value::Object(extra)) => merge(inner, extra),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Thing {
        id: String,
        nested: Nested,
    }
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Nested {
        a: u32,
    }
    impl Object for Thing {
        const KIND: &'static str = "test.thing";
        const VERSION: u32 = 2;
        fn key(&self) -> crate::Key {
            self.id.as_str().into()
        }
        fn upcast(from: u32, mut value: Value) -> Result<Value, String> {
            assert_eq!(from, 1);
            value["nested"] = json!({"a": value["a"]});
            Ok(value)
        }
    }

    fn framed(version: u32, value: &Value) -> Vec<u8> {
        frame(version, &serde_json::to_vec(value).unwrap())
    }

    #[test]
    fn old_versions_are_upcast() {
        let (thing, unknown) = decode::<Thing>(&framed(1, &json!({"id": "x", "a": 7}))).unwrap();
        assert_eq!(thing, Thing { id: "x".into(), nested: Nested { a: 7 } });
        assert!(unknown.is_none());
    }

    #[test]
    fn unknown_fields_of_newer_versions_survive_a_write() {
        let newer = json!({"id": "x", "nested": {"a": 1, "b": 2}, "color": "red"});
        let (mut thing, unknown) = decode::<Thing>(&framed(3, &newer)).unwrap();
        thing.nested.a = 5;
        let bytes = encode(&thing, unknown.as_deref()).unwrap();
        let (_, json) = unframe(&bytes).unwrap();
        let back: Value = serde_json::from_slice(json).unwrap();
        assert_eq!(back, json!({"id": "x", "nested": {"a": 5, "b": 2}, "color": "red"}));
    }

    #[test]
    fn damage_is_found() {
        let mut bytes = framed(2, &json!({"id": "x", "nested": {"a": 1}}));
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
        assert!(decode::<Thing>(&bytes).unwrap_err().contains("checksum"));
        for bad in [&b""[..], b"2", b"2 00", b"x 00000000 {}"] {
            assert!(decode::<Thing>(bad).is_err());
        }
    }
}
