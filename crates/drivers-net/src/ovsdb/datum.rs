//! OVSDB's values (RFC 7047 §5.1): atoms, and the two shapes a column can have.
//!
//! A scalar column, an optional one and a set are one thing here, a set of 1, 0..1 or 0..n atoms, as they are in the
//! database's own engine; so two values compare equal whichever of the permitted spellings they came in on the wire.

use serde_json::{Value, json};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    hash::{Hash, Hasher},
};
use uuid::Uuid;

/// A floating point number with a total order, so that it can be a member of a set.
#[derive(Clone, Copy, Debug)]
pub struct Real(pub f64);

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Real {}
impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}
impl Hash for Real {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Atom {
    Integer(i64),
    Real(Real),
    Boolean(bool),
    String(String),
    Uuid(Uuid),
    /// A row inserted by the same transaction, by the name given to it there.
    Named(String),
}

impl Atom {
    pub fn to_json(&self) -> Value {
        match self {
            Self::Integer(n) => json!(n),
            Self::Real(r) => json!(r.0),
            Self::Boolean(b) => json!(b),
            Self::String(s) => json!(s),
            Self::Uuid(u) => json!(["uuid", u]),
            Self::Named(n) => json!(["named-uuid", n]),
        }
    }

    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(Self::Boolean(*b)),
            Value::String(s) => Some(Self::String(s.clone())),
            Value::Number(n) => {
                Some(n.as_i64().map_or_else(|| Self::Real(Real(n.as_f64().unwrap_or(f64::NAN))), Self::Integer))
            }
            Value::Array(pair) => match (pair.first()?.as_str()?, pair.get(1)?.as_str()?, pair.len()) {
                ("uuid", text, 2) => Uuid::try_parse(text).ok().map(Self::Uuid),
                ("named-uuid", name, 2) => Some(Self::Named(name.to_owned())),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(s) = self { Some(s) } else { None }
    }
    pub fn as_uuid(&self) -> Option<Uuid> {
        if let Self::Uuid(u) = self { Some(*u) } else { None }
    }
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Integer(n) = self { Some(*n) } else { None }
    }
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Boolean(b) = self { Some(*b) } else { None }
    }
}

impl From<&str> for Atom {
    fn from(s: &str) -> Self {
        Self::String(s.to_owned())
    }
}
impl From<String> for Atom {
    fn from(s: String) -> Self {
        Self::String(s)
    }
}
impl From<i64> for Atom {
    fn from(n: i64) -> Self {
        Self::Integer(n)
    }
}
impl From<bool> for Atom {
    fn from(b: bool) -> Self {
        Self::Boolean(b)
    }
}
impl From<Uuid> for Atom {
    fn from(u: Uuid) -> Self {
        Self::Uuid(u)
    }
}

/// A column's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Datum {
    Set(BTreeSet<Atom>),
    Map(BTreeMap<Atom, Atom>),
}

impl Datum {
    pub fn empty() -> Self {
        Self::Set(BTreeSet::new())
    }

    pub fn one(atom: impl Into<Atom>) -> Self {
        Self::Set(BTreeSet::from([atom.into()]))
    }

    pub fn set<A: Into<Atom>>(atoms: impl IntoIterator<Item = A>) -> Self {
        Self::Set(atoms.into_iter().map(Into::into).collect())
    }

    pub fn map<K: Into<Atom>, V: Into<Atom>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Map(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Self::Set(s) => s.is_empty(),
            Self::Map(m) => m.is_empty(),
        }
    }

    /// The atoms of a set; nothing for a map.
    pub fn atoms(&self) -> impl Iterator<Item = &Atom> {
        let set = if let Self::Set(s) = self { Some(s) } else { None };
        set.into_iter().flatten()
    }

    /// The value of a scalar or of an optional that is there.
    pub fn only(&self) -> Option<&Atom> {
        match self {
            Self::Set(s) if s.len() == 1 => s.first(),
            _ => None,
        }
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        if let Self::Map(m) = self { m.get(&Atom::from(key)).and_then(Atom::as_str) } else { None }
    }

    pub fn to_json(&self) -> Value {
        match self {
            Self::Set(s) => match self.only() {
                Some(atom) => atom.to_json(),
                None => json!(["set", s.iter().map(Atom::to_json).collect::<Vec<_>>()]),
            },
            Self::Map(m) => {
                json!(["map", m.iter().map(|(k, v)| json!([k.to_json(), v.to_json()])).collect::<Vec<_>>()])
            }
        }
    }

    pub fn from_json(value: &Value) -> Option<Self> {
        if let Value::Array(parts) = value
            && let [Value::String(tag), Value::Array(items)] = parts.as_slice()
        {
            return match tag.as_str() {
                "set" => items.iter().map(Atom::from_json).collect::<Option<_>>().map(Self::Set),
                "map" => items.iter().map(pair_from_json).collect::<Option<_>>().map(Self::Map),
                _ => None,
            };
        }
        Atom::from_json(value).map(|a| Self::Set(BTreeSet::from([a])))
    }
}

fn pair_from_json(value: &Value) -> Option<(Atom, Atom)> {
    match value.as_array()?.as_slice() {
        [k, v] => Some((Atom::from_json(k)?, Atom::from_json(v)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn atom() -> impl Strategy<Value = Atom> {
        prop_oneof![
            any::<i64>().prop_map(Atom::Integer),
            // Eighths: serde_json's quick float parser may be off by one in a long fraction's last digit.
            any::<i32>().prop_map(|n| Atom::Real(Real(f64::from(n) / 8.0))),
            any::<bool>().prop_map(Atom::Boolean),
            any::<String>().prop_map(Atom::String),
            any::<u128>().prop_map(|n| Atom::Uuid(Uuid::from_u128(n))),
            "[a-z_]{1,8}".prop_map(Atom::Named),
        ]
    }

    fn datum() -> impl Strategy<Value = Datum> {
        prop_oneof![
            proptest::collection::btree_set(atom(), 0..5).prop_map(Datum::Set),
            proptest::collection::btree_map(atom(), atom(), 0..5).prop_map(Datum::Map),
        ]
    }

    proptest! {
        #[test]
        fn every_value_survives_the_wire(d in datum()) {
            let text = d.to_json().to_string();
            let back = Datum::from_json(&serde_json::from_str(&text).unwrap());
            prop_assert_eq!(back, Some(d));
        }
    }

    #[test]
    fn the_spellings_of_one_value_are_equal_and_nonsense_is_refused() {
        let read = |text: &str| Datum::from_json(&serde_json::from_str(text).unwrap());
        assert_eq!(read("5"), read(r#"["set",[5]]"#));
        assert_eq!(read(r#"["set",["b","a","a"]]"#), Some(Datum::set(["a", "b"])));
        assert_eq!(read(r#"["map",[["k","v"]]]"#).unwrap().get("k"), Some("v"));
        let uuid = "550e8400-e29b-41d4-a716-446655440000";
        assert_eq!(read(&format!(r#"["uuid","{uuid}"]"#)), Some(Datum::one(Uuid::try_parse(uuid).unwrap())));
        for bad in [r#"["uuid","x"]"#, r#"["set",[null]]"#, r#"["map",[["k"]]]"#, r#"["bag",[]]"#, "null", "{}", "[]"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
