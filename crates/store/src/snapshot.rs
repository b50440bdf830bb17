//! All objects of one revision. Cloning is cheap: tables are persistent maps that share what did not change.

use crate::{
    Index, Key, Object, Revision, Schema,
    object::{KindInfo, Row},
};
use imbl::{OrdMap, OrdSet};
use std::sync::Arc;

/// The objects as they were at [`Snapshot::revision`].
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) schema: Arc<Schema>,
    /// One per kind. Shared until somebody writes, so that a snapshot costs the same however many kinds there are.
    tables: Arc<Vec<Arc<Table>>>,
    pub(crate) revision: Revision,
    pub(crate) epoch: u64,
    /// What is written; see [`crate::Schema::with_format`].
    pub(crate) format: u32,
}

#[derive(Clone, Default)]
pub(crate) struct Table {
    pub(crate) rows: OrdMap<Key, Row>,
    /// One set per index: (value, key).
    pub(crate) indexes: Vec<OrdSet<(Key, Key)>>,
}

/// What a snapshot held of one kind, kept to be compared with a later snapshot ([`Snapshot::is_at`]): as long as that is there, no
/// object of that kind has changed. What differs may still mean the same content.
#[derive(Clone)]
pub struct Stamp(Arc<Table>);

impl Snapshot {
    pub fn stamp<T: Object>(&self) -> Stamp {
        Stamp(Arc::clone(&self.tables[self.schema.slot_of::<T>()]))
    }

    /// Whether nothing of this kind has changed since the stamp was made.
    pub fn is_at<T: Object>(&self, stamp: &Stamp) -> bool {
        // Tables are changed by copying; holding one keeps its address from being used again.
        Arc::ptr_eq(&self.tables[self.schema.slot_of::<T>()], &stamp.0)
    }

    pub(crate) fn empty(schema: Arc<Schema>, revision: Revision) -> Self {
        let table = |k: &KindInfo| Arc::new(Table { rows: OrdMap::new(), indexes: vec![OrdSet::new(); k.indexes] });
        let tables = Arc::new(schema.kinds.iter().map(table).collect());
        let format = schema.format;
        Self { schema, tables, revision, epoch: 0, format }
    }

    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Raised by a restore or a change of back end; revisions of different epochs do not compare.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The format being written: objects are written in the schema versions that belong to it.
    pub fn format(&self) -> u32 {
        self.format
    }

    fn table<T: Object>(&self) -> &Table {
        &self.tables[self.schema.slot_of::<T>()]
    }

    pub fn get<T: Object>(&self, id: &str) -> Option<Arc<T>> {
        self.table::<T>().rows.get(id).and_then(Row::typed)
    }

    /// Whatever has this id, of any kind: its kind and its stored value. For people who look at one object.
    pub fn find(&self, id: &str) -> Vec<(&'static str, serde_json::Value)> {
        let kinds = self.schema.kinds.iter().zip(self.tables.iter());
        kinds
            .filter_map(|(kind, table)| {
                let bytes = (kind.encode)(table.rows.get(id)?, self.format).ok()?;
                let (_, json) = crate::codec::unframe(&bytes).ok()?;
                Some((kind.name, serde_json::from_slice(json).ok()?))
            })
            .collect()
    }

    pub fn contains<T: Object>(&self, id: &str) -> bool {
        self.table::<T>().rows.contains_key(id)
    }

    pub fn count<T: Object>(&self) -> usize {
        self.table::<T>().rows.len()
    }

    /// All objects of a kind, in order of their keys.
    pub fn all<T: Object>(&self) -> impl Iterator<Item = Arc<T>> + '_ {
        self.table::<T>().rows.values().filter_map(Row::typed)
    }

    /// Keys from `prefix` on that begin with it, with their objects.
    pub fn with_prefix<'a, T: Object>(&'a self, prefix: &'a str) -> impl Iterator<Item = Arc<T>> + 'a {
        let rows = &self.table::<T>().rows;
        rows.range(Key::new(prefix)..)
            .take_while(move |(k, _)| k.starts_with(prefix))
            .filter_map(|(_, row)| row.typed())
    }

    /// The objects whose keys are not before `key`, in order.
    pub fn from_key<'a, T: Object>(&'a self, key: &str) -> impl Iterator<Item = Arc<T>> + use<'a, T> {
        self.table::<T>().rows.range(Key::new(key)..).filter_map(|(_, row)| row.typed())
    }

    /// The objects that an index holds under `value`, in order of their keys.
    pub fn by<'a, T: Object>(&'a self, index: Index<T>, value: &str) -> impl Iterator<Item = Arc<T>> + 'a {
        self.keys_by(index, value).filter_map(move |key| self.get::<T>(&key))
    }

    /// Like [`Snapshot::by`], keys only.
    pub fn keys_by<'a, T: Object>(&'a self, index: Index<T>, value: &str) -> impl Iterator<Item = Key> + 'a {
        let value = Key::new(value);
        let set = &self.table::<T>().indexes[index.slot];
        let from = (value.clone(), Key::default());
        set.range(from..).take_while(move |(v, _)| *v == value).map(|(_, key)| key.clone())
    }

    /// The entries (value, key) of an index in order, from this one on: for indexes whose values sort as a list is read.
    pub fn range_by<'a, T: Object>(
        &'a self,
        index: Index<T>,
        value: &str,
        key: &str,
    ) -> impl Iterator<Item = (&'a Key, &'a Key)> + 'a {
        let from = (Key::new(value), Key::new(key));
        self.table::<T>().indexes[index.slot].range(from..).map(|(value, key)| (value, key))
    }

    /// The same backwards: from `value` (whatever the key) down.
    pub fn range_back<'a, T: Object>(
        &'a self,
        index: Index<T>,
        value: &str,
    ) -> impl Iterator<Item = (&'a Key, &'a Key)> + 'a {
        // No key begins with U+10FFFF.
        let to = (Key::new(value), Key::new("\u{10ffff}"));
        self.table::<T>().indexes[index.slot].range(..=to).rev().map(|(value, key)| (value, key))
    }

    pub fn count_by<T: Object>(&self, index: Index<T>, value: &str) -> usize {
        self.keys_by(index, value).count()
    }

    pub(crate) fn row(&self, slot: usize, key: &str) -> Option<&Row> {
        self.tables[slot].rows.get(key)
    }

    /// Replaces or removes one object and keeps the indexes true. Returns what was there.
    pub(crate) fn set(&mut self, slot: usize, key: &Key, row: Option<Row>) -> Option<Row> {
        let table = Arc::make_mut(&mut Arc::make_mut(&mut self.tables)[slot]);
        let added = row.as_ref().map(|row| Arc::clone(&row.indexed));
        let old = match row {
            Some(row) => table.rows.insert(key.clone(), row),
            None => table.rows.remove(key),
        };
        let removed = old.as_ref().map(|row| Arc::clone(&row.indexed));
        if removed == added {
            return old;
        }
        for (index, value) in removed.iter().flat_map(|r| r.iter()) {
            table.indexes[*index].remove(&(value.clone(), key.clone()));
        }
        for (index, value) in added.iter().flat_map(|a| a.iter()) {
            table.indexes[*index].insert((value.clone(), key.clone()));
        }
        old
    }
}
