//! What a database's schema says of a column's shape: enough to read the differences that `update2` sends, and to know the
//! value that a column has when nobody gave it one.

use super::{Atom, Datum, Error};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Integer,
    Real,
    Boolean,
    String,
    Uuid,
}

/// How many atoms a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    One,
    Optional,
    Set,
    Map,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub base: Base,
    pub arity: Arity,
}

impl Column {
    /// The value of a column that was never set (RFC 7047 §5.2.1).
    pub fn default_value(self) -> Datum {
        match (self.arity, self.base) {
            (Arity::Map, _) => Datum::Map(Default::default()),
            (Arity::Optional | Arity::Set, _) => Datum::empty(),
            (Arity::One, Base::Integer) => Datum::one(0),
            (Arity::One, Base::Real) => Datum::one(Atom::Real(super::datum::Real(0.0))),
            (Arity::One, Base::Boolean) => Datum::one(false),
            (Arity::One, Base::String) => Datum::one(""),
            (Arity::One, Base::Uuid) => Datum::one(Uuid::nil()),
        }
    }

    fn from_json(spec: &Value) -> Option<Self> {
        let key = spec.get("key").unwrap_or(spec);
        let base = match key.get("type").unwrap_or(key).as_str()? {
            "integer" => Base::Integer,
            "real" => Base::Real,
            "boolean" => Base::Boolean,
            "string" => Base::String,
            "uuid" => Base::Uuid,
            _ => return None,
        };
        let min = spec.get("min").and_then(Value::as_u64).unwrap_or(1);
        let single = spec.get("max").is_none_or(|max| max.as_u64() == Some(1));
        let arity = match (spec.get("value").is_some(), single, min) {
            (true, ..) => Arity::Map,
            (_, true, 1) => Arity::One,
            (_, true, _) => Arity::Optional,
            _ => Arity::Set,
        };
        Some(Self { base, arity })
    }
}

pub type Table = HashMap<Arc<str>, Column>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    pub name: String,
    pub version: String,
    pub tables: HashMap<Arc<str>, Table>,
}

impl Schema {
    pub fn from_json(schema: &Value) -> Result<Self, Error> {
        let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let tables = schema
            .get("tables")
            .and_then(Value::as_object)
            .ok_or_else(|| Error::Protocol("a schema without tables".into()))?;
        let read = |(name, table): (&String, &Value)| Some((Arc::from(name.as_str()), table_from_json(table)?));
        let tables = tables
            .iter()
            .map(read)
            .collect::<Option<_>>()
            .ok_or_else(|| Error::Protocol("a column of no known type".into()))?;
        Ok(Self { name: text("name"), version: text("version"), tables })
    }

    pub fn column(&self, table: &str, column: &str) -> Option<Column> {
        self.tables.get(table)?.get(column).copied()
    }
}

fn table_from_json(table: &Value) -> Option<Table> {
    let columns = table.get("columns")?.as_object()?;
    columns.iter().map(|(name, spec)| Some((Arc::from(name.as_str()), Column::from_json(spec.get("type")?)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_spelling_of_a_type_is_read() {
        let check = |spec: Value, base: Base, arity: Arity, default: Datum| {
            let column = Column::from_json(&spec).unwrap();
            assert_eq!(column, Column { base, arity }, "{spec}");
            assert_eq!(column.default_value(), default, "{spec}");
        };
        check(json!("string"), Base::String, Arity::One, Datum::one(""));
        check(json!({"key": "integer"}), Base::Integer, Arity::One, Datum::one(0));
        check(
            json!({"key": {"type": "integer", "minInteger": 1}, "min": 0, "max": 1}),
            Base::Integer,
            Arity::Optional,
            Datum::empty(),
        );
        check(
            json!({"key": {"type": "uuid", "refTable": "T"}, "min": 0, "max": "unlimited"}),
            Base::Uuid,
            Arity::Set,
            Datum::empty(),
        );
        check(json!({"key": "string", "min": 1, "max": 4096}), Base::String, Arity::Set, Datum::empty());
        let map = json!({"key": "string", "value": "string", "min": 0, "max": "unlimited"});
        check(map, Base::String, Arity::Map, Datum::Map(Default::default()));
        assert_eq!(Column::from_json(&json!("blob")), None);
    }
}
