//! The rows one object is made of, as translation wants them, before they meet the database.

use super::{
    names,
    tables::{self, DIGEST, IDS, KEY, ROWS},
};
use crate::ovsdb::{Atom, Datum};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Raised when translation changes, so that every object is put again after an upgrade.
const TRANSLATION: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    pub table: &'static str,
    pub uuid: Uuid,
}

impl At {
    pub fn new(table: &'static str, what: &str) -> Self {
        Self { table, uuid: names::row(table, what) }
    }
}

pub type Columns = BTreeMap<&'static str, Datum>;

/// A parent's column that must contain the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    pub parent: At,
    pub column: &'static str,
    pub child: Uuid,
}

#[derive(Clone, Debug)]
pub struct Draft {
    /// The object's key as text, or `base/…` and `gateway/…` for what belongs to the back end itself.
    pub key: String,
    /// The row that stands for the object and carries its digests.
    pub main: At,
    pub rows: BTreeMap<At, Columns>,
    pub edges: BTreeSet<Edge>,
    /// Parents without which the object cannot be.
    pub needs: Vec<At>,
}

impl Draft {
    pub fn new(key: impl ToString, main: At) -> Self {
        let (key, needs) = (key.to_string(), Vec::new());
        Self { key, main, rows: BTreeMap::new(), edges: BTreeSet::new(), needs }
    }

    pub fn row(&mut self, at: At, columns: impl IntoIterator<Item = (&'static str, Datum)>) -> &mut Self {
        let mut columns: Columns = columns.into_iter().collect();
        let ids = columns.entry(IDS).or_insert_with(|| Datum::Map(BTreeMap::new()));
        if let Datum::Map(ids) = ids {
            ids.insert(KEY.into(), self.key.as_str().into());
        }
        self.rows.insert(at, columns);
        self
    }

    /// The child is in the parent's column; without the parent, the object cannot be put.
    pub fn under(&mut self, parent: At, column: &'static str, child: At) -> &mut Self {
        if !self.rows.contains_key(&parent) {
            self.needs.push(parent);
        }
        self.member(parent, column, child)
    }

    /// The child is in the parent's column if there is such a parent.
    pub fn member(&mut self, parent: At, column: &'static str, child: At) -> &mut Self {
        self.edges.insert(Edge { parent, column, child: child.uuid });
        self
    }

    /// Writes the digests into the main row: the last step of a translation.
    pub fn sealed(mut self, digest: u64) -> Self {
        let main = self.main;
        self.identify(main, DIGEST, format!("{digest:016x}"));
        let rows = self.rows.iter().map(|(at, columns)| (*at, columns));
        let sum = sum(rows.map(|(at, columns)| (at, canonical(at.table, |c| columns.get(c).cloned()))), &self.edges);
        self.identify(main, ROWS, sum);
        self
    }

    pub fn identify(&mut self, at: At, key: &str, value: String) {
        if let Some(Datum::Map(ids)) = self.rows.get_mut(&at).and_then(|columns| columns.get_mut(IDS)) {
            ids.insert(key.into(), Atom::String(value));
        }
    }
}

/// Columns whose content follows from several objects together (see `dhcp`) and is checked by itself.
pub fn is_derived(table: &str, column: &str) -> bool {
    table == tables::SWITCH_PORT && matches!(column, "dhcpv4_options" | "dhcpv6_options")
}

/// A row's owned columns in one fixed form, defaults left out.
pub fn canonical(table: &str, value: impl Fn(&'static str) -> Option<Datum>) -> Value {
    let owned = tables::table(table).map(|t| t.columns).unwrap_or_default();
    let mut out = Vec::new();
    for (column, spec) in owned.iter().filter(|(column, _)| !is_derived(table, column)) {
        let mut datum = value(column).unwrap_or_else(|| spec.default_value());
        if let (&IDS, Datum::Map(ids)) = (column, &mut datum) {
            ids.remove(&Atom::from(ROWS));
        }
        if datum != spec.default_value() {
            out.push(json!([column, datum.to_json()]));
        }
    }
    Value::Array(out)
}

/// The digest of an object's rows and of their places in their parents.
pub fn sum(rows: impl IntoIterator<Item = (At, Value)>, edges: &BTreeSet<Edge>) -> String {
    let rows: BTreeMap<_, _> = rows.into_iter().collect();
    let rows: Vec<_> = rows.iter().map(|(at, value)| json!([at.table, at.uuid, value])).collect();
    let edges: Vec<_> = edges.iter().map(|e| json!([e.parent.table, e.parent.uuid, e.column, e.child])).collect();
    let sum = Sha256::digest(json!([TRANSLATION, rows, edges]).to_string());
    sum.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
