//! A copy in memory of the monitored part of a database, kept current by `update2`/`update3` notifications, with indexes.
//!
//! Invariants
//! - A row holds only columns that differ from their default; [`Row::get`] answers `None` for the others, and
//!   [`Replica::value`] their default.
//! - An index holds exactly what its function extracts from the rows of its table (property-tested against a rebuild).
//! - A replica is replaced as a whole ([`Replica::load`]) or moved on by one notification ([`Replica::update`]), under one
//!   write lock of the client: no reader sees half a transaction.

use super::{
    Atom, Datum, Error,
    schema::{Arity, Column, Schema},
};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(BTreeMap<Arc<str>, Datum>);

impl Row {
    pub fn get(&self, column: &str) -> Option<&Datum> {
        self.0.get(column)
    }
    /// A string column; empty if it is not set.
    pub fn text(&self, column: &str) -> &str {
        self.get(column).and_then(Datum::only).and_then(Atom::as_str).unwrap_or_default()
    }
    pub fn int(&self, column: &str) -> Option<i64> {
        self.get(column)?.only()?.as_int()
    }
    pub fn flag(&self, column: &str) -> Option<bool> {
        self.get(column)?.only()?.as_bool()
    }
    /// One entry of a map column.
    pub fn entry(&self, column: &str, key: &str) -> Option<&str> {
        self.get(column)?.get(key)
    }
    pub fn uuids(&self, column: &str) -> impl Iterator<Item = Uuid> {
        self.get(column).into_iter().flat_map(Datum::atoms).filter_map(Atom::as_uuid)
    }
    pub fn strings(&self, column: &str) -> impl Iterator<Item = &str> {
        self.get(column).into_iter().flat_map(Datum::atoms).filter_map(Atom::as_str)
    }
}

/// What to find rows by: the function names a row's keys.
#[derive(Clone, Copy, Debug)]
pub struct IndexSpec {
    pub name: &'static str,
    pub table: &'static str,
    pub keys: fn(&Row) -> BTreeSet<Atom>,
}

#[derive(Debug)]
struct Index {
    spec: IndexSpec,
    rows: HashMap<Atom, BTreeSet<Uuid>>,
}

impl Index {
    fn replace(&mut self, uuid: Uuid, old: Option<&Row>, new: Option<&Row>) {
        let keys = |row: Option<&Row>| row.map(self.spec.keys).unwrap_or_default();
        let (old, new) = (keys(old), keys(new));
        for gone in old.difference(&new) {
            if let Some(rows) = self.rows.get_mut(gone) {
                rows.remove(&uuid);
                if rows.is_empty() {
                    self.rows.remove(gone);
                }
            }
        }
        for key in new.difference(&old) {
            self.rows.entry(key.clone()).or_default().insert(uuid);
        }
    }
}

#[derive(Debug, Default)]
pub struct Replica {
    schema: Arc<Schema>,
    tables: HashMap<Arc<str>, HashMap<Uuid, Row>>,
    indexes: Vec<Index>,
}

impl Replica {
    pub fn new(indexes: &[IndexSpec]) -> Self {
        let indexes = indexes.iter().map(|spec| Index { spec: *spec, rows: HashMap::new() }).collect();
        Self { indexes, ..Self::default() }
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    pub fn row(&self, table: &str, uuid: Uuid) -> Option<&Row> {
        self.tables.get(table)?.get(&uuid)
    }

    pub fn rows(&self, table: &str) -> impl Iterator<Item = (Uuid, &Row)> {
        self.tables.get(table).into_iter().flatten().map(|(uuid, row)| (*uuid, row))
    }

    /// The rows that the index of this name has under `key`, in the order of their uuids.
    pub fn find<'a>(&'a self, index: &str, key: &Atom) -> impl Iterator<Item = Uuid> + use<'a> {
        let index = self.indexes.iter().find(|i| i.spec.name == index);
        index.and_then(|i| i.rows.get(key)).into_iter().flatten().copied()
    }

    /// A column's value, its default included.
    pub fn value(&self, table: &str, row: &Row, column: &str) -> Datum {
        row.get(column)
            .cloned()
            .or_else(|| Some(self.schema.column(table, column)?.default_value()))
            .unwrap_or(Datum::empty())
    }

    /// Starts again from the server's whole contents.
    pub fn load(&mut self, schema: Arc<Schema>, updates: &Value) -> Result<(), Error> {
        self.schema = schema;
        self.tables.clear();
        for index in &mut self.indexes {
            index.rows.clear();
        }
        self.update(updates)
    }

    /// Applies one `<table-updates2>`.
    pub fn update(&mut self, updates: &Value) -> Result<(), Error> {
        let schema = self.schema.clone();
        for (table, rows) in object(updates)? {
            let (table, columns) = schema.tables.get_key_value(table.as_str()).ok_or_else(|| unknown(table))?;
            for (uuid, change) in object(rows)? {
                let uuid = Uuid::try_parse(uuid).map_err(|_| unknown(uuid))?;
                let old = self.tables.get(table).and_then(|rows| rows.get(&uuid));
                let new = changed(columns, old, change)?;
                self.put(table, uuid, new);
            }
        }
        Ok(())
    }

    fn put(&mut self, table: &Arc<str>, uuid: Uuid, new: Option<Row>) {
        let rows = self.tables.entry(table.clone()).or_default();
        let old = rows.remove(&uuid);
        for index in self.indexes.iter_mut().filter(|i| i.spec.table == &**table) {
            index.replace(uuid, old.as_ref(), new.as_ref());
        }
        if let Some(new) = new {
            rows.insert(uuid, new);
        }
    }
}

fn unknown(what: &str) -> Error {
    Error::Protocol(format!("an update of {what:?}, which the schema does not have"))
}

fn object(value: &Value) -> Result<&Map<String, Value>, Error> {
    value.as_object().ok_or_else(|| Error::Protocol(format!("an update is no object but {value}")))
}

/// The row after one `<row-update2>`.
fn changed(columns: &HashMap<Arc<str>, Column>, old: Option<&Row>, change: &Value) -> Result<Option<Row>, Error> {
    let (kind, row) = object(change)?.iter().next().ok_or_else(|| Error::Protocol("an empty row update".into()))?;
    let mut new = match kind.as_str() {
        "initial" | "insert" => Row::default(),
        "modify" => old.cloned().unwrap_or_default(),
        "delete" => return Ok(None),
        other => return Err(Error::Protocol(format!("a row update of kind {other:?}"))),
    };
    for (column, value) in object(row)? {
        let (name, spec) = columns.get_key_value(column.as_str()).ok_or_else(|| unknown(column))?;
        let read =
            Datum::from_json(value).ok_or_else(|| Error::Protocol(format!("column {column} has the value {value}")))?;
        let datum = if kind == "modify" { difference(*spec, new.0.remove(name), read) } else { shaped(*spec, read) };
        if datum != spec.default_value() {
            new.0.insert(name.clone(), datum);
        }
    }
    Ok(Some(new))
}

/// An empty map may come as an empty set.
fn shaped(spec: Column, datum: Datum) -> Datum {
    if spec.arity == Arity::Map && datum.is_empty() { spec.default_value() } else { datum }
}

/// What `modify` means (ovsdb-server(7), "update2"): for at most one atom the new value; for a set the atoms that are in one
/// of the old and the new; for a map the pairs that differ, a pair equal to the old one meaning that it is gone.
fn difference(spec: Column, old: Option<Datum>, diff: Datum) -> Datum {
    match (spec.arity, old, diff) {
        (Arity::One | Arity::Optional, _, diff) => diff,
        (_, Some(Datum::Set(old)), Datum::Set(diff)) => Datum::Set(old.symmetric_difference(&diff).cloned().collect()),
        (_, Some(Datum::Map(mut old)), Datum::Map(diff)) => {
            for (key, value) in diff {
                if old.get(&key) == Some(&value) {
                    old.remove(&key);
                } else {
                    old.insert(key, value);
                }
            }
            Datum::Map(old)
        }
        (_, _, diff) => shaped(spec, diff),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn schema() -> Arc<Schema> {
        let many = |key: &str| json!({"type": {"key": key, "min": 0, "max": "unlimited"}});
        let map = json!({"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}});
        let columns = json!({"name": {"type": "string"}, "tags": many("string"), "ids": map, "up": {"type": {"key": "boolean", "min": 0, "max": 1}}});
        Arc::new(
            Schema::from_json(&json!({"name": "D", "version": "1", "tables": {"T": {"columns": columns}}})).unwrap(),
        )
    }

    const BY_TAG: IndexSpec =
        IndexSpec { name: "tag", table: "T", keys: |row| row.strings("tags").map(Atom::from).collect() };

    type Model = BTreeMap<u128, (String, BTreeSet<String>, BTreeMap<String, String>, Option<bool>)>;

    /// What a server would send to lead from one state to the other.
    fn updates(from: &Model, to: &Model) -> Value {
        let mut rows = Map::new();
        for uuid in from.keys().chain(to.keys()) {
            let change = match (from.get(uuid), to.get(uuid)) {
                (Some(_), None) => json!({"delete": null}),
                (None, Some((name, tags, ids, up))) => json!({"insert": {
                    "name": name, "tags": Datum::set(tags.clone()).to_json(), "ids": Datum::map(ids.clone()).to_json(), "up": Datum::set(*up).to_json(),
                }}),
                (Some(a), Some(b)) => {
                    let tags = a.1.symmetric_difference(&b.1).cloned();
                    let gone = a.2.iter().filter(|(k, _)| !b.2.contains_key(*k));
                    let ids = gone.chain(b.2.iter().filter(|(k, v)| a.2.get(*k) != Some(*v)));
                    let ids = ids.map(|(k, v)| (k.clone(), v.clone()));
                    json!({"modify": {"name": b.0, "tags": Datum::set(tags).to_json(), "ids": Datum::map(ids).to_json(), "up": Datum::set(b.3).to_json()}})
                }
                (None, None) => continue,
            };
            rows.insert(Uuid::from_u128(*uuid).to_string(), change);
        }
        json!({"T": rows})
    }

    fn model() -> impl Strategy<Value = Model> {
        let word = "[a-c]";
        let row = (
            word,
            proptest::collection::btree_set(word, 0..4),
            proptest::collection::btree_map(word, word, 0..4),
            proptest::option::of(any::<bool>()),
        );
        proptest::collection::btree_map(0_u128..5, row, 0..5)
    }

    proptest! {
        #[test]
        fn following_differences_ends_where_loading_afresh_does(states in proptest::collection::vec(model(), 1..6)) {
            let mut replica = Replica::new(&[BY_TAG]);
            replica.load(schema(), &json!({})).unwrap();
            let mut last = Model::new();
            for state in states {
                replica.update(&updates(&last, &state)).unwrap();
                last = state;
            }
            let mut fresh = Replica::new(&[BY_TAG]);
            fresh.load(schema(), &updates(&Model::new(), &last)).unwrap();
            prop_assert_eq!(replica.rows("T").collect::<BTreeMap<_, _>>().len(), last.len());
            for (uuid, row) in fresh.rows("T") {
                prop_assert_eq!(replica.row("T", uuid), Some(row));
            }
            for tag in ["a", "b", "c"] {
                let expect = last.iter().filter(|(_, r)| r.1.contains(tag)).map(|(u, _)| Uuid::from_u128(*u));
                prop_assert_eq!(replica.find("tag", &Atom::from(tag)).collect::<Vec<_>>(), expect.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn defaults_are_known_and_strangers_refused() {
        let mut replica = Replica::new(&[]);
        let uuid = Uuid::from_u128(1);
        replica
            .load(schema(), &json!({"T": {uuid.to_string(): {"initial": {"name": "", "ids": ["map", []]}}}}))
            .unwrap();
        let row = replica.row("T", uuid).unwrap();
        assert_eq!((row.get("name"), row.text("name"), row.flag("up")), (None, "", None));
        assert_eq!(replica.value("T", row, "name"), Datum::one(""));
        assert_eq!(replica.value("T", row, "ids"), Datum::Map(BTreeMap::new()));
        let bad = [
            json!({"X": {}}),
            json!({"T": {"x": {}}}),
            json!({"T": {uuid.to_string(): {"insert": {"x": 1}}}}),
            json!([]),
        ];
        for bad in &bad {
            assert!(matches!(replica.update(bad), Err(Error::Protocol(_))), "{bad}");
        }
    }
}
