use super::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Thing {
    id: String,
    nested: Nested,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    list: Vec<Nested>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<State>,
}
#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Nested {
    a: u32,
}
#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum State {
    Building { step: u32 },
    Active { since: u32 },
}

impl Object for Thing {
    const KIND: &'static str = "test.thing";
    const VERSION: u32 = 2;
    fn key(&self) -> crate::Key {
        self.id.as_str().into()
    }
    fn version_for(format: u32) -> u32 {
        if format < 5 { 1 } else { 2 }
    }
    fn upcast(from: u32, mut value: Value) -> Result<Value, String> {
        assert_eq!(from, 1);
        let a = value.as_object_mut().and_then(|v| v.remove("a")).ok_or("no a")?;
        value["nested"] = json!({"a": a});
        Ok(value)
    }
    fn downcast(to: u32, mut value: Value) -> Result<Value, String> {
        assert_eq!(to, 1);
        let nested = value.as_object_mut().and_then(|v| v.remove("nested")).ok_or("no nested")?;
        value["a"] = nested["a"].clone();
        Ok(value)
    }
}

fn framed(version: u32, value: &Value) -> Vec<u8> {
    frame(version, &serde_json::to_vec(value).unwrap())
}

/// Reads a value, changes it and says what is written then.
fn rewritten(version: u32, value: &Value, change: impl FnOnce(&mut Thing)) -> Value {
    let (mut thing, unknown) = decode::<Thing>(&framed(version, value)).unwrap();
    change(&mut thing);
    let bytes = encode(&thing, unknown.as_ref(), 5).unwrap();
    serde_json::from_slice(unframe(&bytes).unwrap().1).unwrap()
}

#[test]
fn old_versions_are_upcast() {
    let (thing, unknown) = decode::<Thing>(&framed(1, &json!({"id": "x", "a": 7}))).unwrap();
    assert_eq!(thing, Thing { id: "x".into(), nested: Nested { a: 7 }, list: vec![], state: None });
    assert!(unknown.is_none(), "{unknown:?}");
}

#[test]
fn the_format_decides_which_version_is_written() {
    let thing = Thing { id: "x".into(), nested: Nested { a: 7 }, list: vec![], state: None };
    let old = encode(&thing, None, 4).unwrap();
    assert_eq!(unframe(&old).unwrap(), (1, &br#"{"a":7,"id":"x"}"#[..]));
    assert_eq!(unframe(&encode(&thing, None, 5).unwrap()).unwrap().0, 2);
    assert_eq!(decode::<Thing>(&old).unwrap().0, thing);
}

#[test]
fn unknown_fields_survive_a_write_whatever_the_version() {
    let newer = json!({"id": "x", "nested": {"a": 1, "b": 2}, "color": "red"});
    for version in [2, 3] {
        let written = rewritten(version, &newer, |thing| thing.nested.a = 5);
        assert_eq!(written, json!({"id": "x", "nested": {"a": 5, "b": 2}, "color": "red"}));
    }
}

#[test]
fn unknown_fields_of_list_elements_stay_with_their_element() {
    let newer = json!({"id": "x", "nested": {"a": 1}, "list": [{"a": 1, "b": 10}, {"a": 2, "b": 20}, {"a": 3}]});
    let written = rewritten(3, &newer, |thing| {
        thing.list.remove(0);
        thing.list.reverse();
    });
    assert_eq!(written["list"], json!([{"a": 3}, {"a": 2, "b": 20}]));
}

#[test]
fn what_was_unknown_inside_goes_away_with_what_it_was_in() {
    let newer = json!({"id": "x", "nested": {"a": 1}, "state": {"Building": {"step": 1, "pace": 9}}});
    let kept = rewritten(3, &newer, |thing| thing.state = Some(State::Building { step: 2 }));
    assert_eq!(kept["state"], json!({"Building": {"step": 2, "pace": 9}}));
    let gone = rewritten(3, &newer, |thing| thing.state = Some(State::Active { since: 3 }));
    assert_eq!(gone["state"], json!({"Active": {"since": 3}}));
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
