//! The permanent form of a value:
//!
//! ```text
//! <schema version, decimal> ' ' <CRC-32C of the JSON, 8 hex digits> ' ' <JSON>
//! ```
//!
//! Readable with `etcdctl get`, checked on every read. A value of an older schema version is upcast; one of a newer version is
//! read if its known fields fit. Whatever this program does not know of a value, whatever its version, is kept beside it
//! ([`Unknown`]) and put back on writing: in nested objects field by field, in lists with the element that had it for as long
//! as what is known of that element stays the same.
//!
//! Finding the unknown is cheap where there is none: the value, written again, has the bytes that were read.

use crate::Object;
use serde_json::{Map, Value};

pub(crate) fn encode<T: Object>(value: &T, unknown: Option<&Unknown>, format: u32) -> Result<Vec<u8>, String> {
    let version = T::version_for(format);
    let fail = |e: serde_json::Error| format!("encoding a {}: {e}", T::KIND);
    if version == T::VERSION && unknown.is_none() {
        return Ok(frame(version, &serde_json::to_vec(value).map_err(fail)?));
    }
    let mut json = serde_json::to_value(value).map_err(fail)?;
    if let Some(unknown) = unknown {
        unknown.put_back(&mut json);
    }
    if version != T::VERSION {
        json = T::downcast(version, json)?;
    }
    Ok(frame(version, &serde_json::to_vec(&json).map_err(fail)?))
}

pub(crate) fn frame(version: u32, json: &[u8]) -> Vec<u8> {
    let mut out = format!("{version} {:08x} ", crc32c::crc32c(json)).into_bytes();
    out.extend_from_slice(json);
    out
}

/// Splits and checks a framed value: its version and its JSON.
pub(crate) fn unframe(bytes: &[u8]) -> Result<(u32, &[u8]), String> {
    let mut parts = bytes.splitn(3, |b| *b == b' ');
    let mut text = || parts.next().and_then(|p| std::str::from_utf8(p).ok());
    let version = text().and_then(|v| v.parse().ok()).ok_or("no schema version")?;
    let crc = text().and_then(|c| u32::from_str_radix(c, 16).ok()).ok_or("no checksum")?;
    let json = parts.next().ok_or("no value")?;
    let found = crc32c::crc32c(json);
    if found != crc {
        return Err(format!("checksum is {found:08x}, the value says {crc:08x}"));
    }
    Ok((version, json))
}

pub(crate) fn decode<T: Object>(bytes: &[u8]) -> Result<(T, Option<Unknown>), String> {
    let (version, json) = unframe(bytes)?;
    let fail = |e: serde_json::Error| format!("reading a {} of schema version {version}: {e}", T::KIND);
    if version == T::VERSION {
        let value: T = serde_json::from_slice(json).map_err(fail)?;
        if serde_json::to_vec(&value).map_err(fail)? == json {
            return Ok((value, None));
        }
    }
    let mut raw: Value = serde_json::from_slice(json).map_err(fail)?;
    if version < T::VERSION {
        raw = T::upcast(version, raw)?;
    }
    let value: T = serde_json::from_value(raw.clone()).map_err(fail)?;
    let known = serde_json::to_value(&value).map_err(fail)?;
    Ok((value, Unknown::between(raw, &known)))
}

/// What a value has beyond what this program knows.
#[derive(Debug)]
pub(crate) enum Unknown {
    /// A field that is not known at all.
    Whole(Value),
    /// A known object with something unknown inside. If it goes away, so does what is in it.
    Fields(Vec<(String, Unknown)>),
    /// A known list: its elements as they are known, and what they have beyond.
    Elements(Vec<(Value, Unknown)>),
}

impl Unknown {
    fn between(raw: Value, known: &Value) -> Option<Self> {
        match (raw, known) {
            (Value::Object(raw), Value::Object(known)) => {
                let beyond = |(name, value): (String, Value)| match known.get(&name) {
                    None => Some((name, Self::Whole(value))),
                    Some(known) => Self::between(value, known).map(|inner| (name, inner)),
                };
                let fields: Vec<_> = raw.into_iter().filter_map(beyond).collect();
                (!fields.is_empty()).then_some(Self::Fields(fields))
            }
            (Value::Array(raw), Value::Array(known)) if raw.len() == known.len() => {
                let beyond = |(raw, known): (Value, &Value)| Some((known.clone(), Self::between(raw, known)?));
                let elements: Vec<_> = raw.into_iter().zip(known).filter_map(beyond).collect();
                (!elements.is_empty()).then_some(Self::Elements(elements))
            }
            _ => None,
        }
    }

    fn put_back(&self, value: &mut Value) {
        match (self, value) {
            (Self::Fields(fields), Value::Object(object)) => {
                fields.iter().for_each(|(name, inner)| inner.put_field(name, object));
            }
            (Self::Elements(elements), Value::Array(list)) => {
                let mut elements: Vec<_> = elements.iter().collect();
                for item in list {
                    if let Some(at) = elements.iter().position(|(known, _)| known == item) {
                        elements.remove(at).1.put_back(item);
                    }
                }
            }
            _ => {}
        }
    }

    fn put_field(&self, name: &str, object: &mut Map<String, Value>) {
        match (self, object.get_mut(name)) {
            (Self::Whole(value), None) => {
                object.insert(name.to_owned(), value.clone());
            }
            (inner, Some(value)) => inner.put_back(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
