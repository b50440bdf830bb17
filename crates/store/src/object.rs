//! What can be stored: the [`Object`] trait, its indexes, and the [`Schema`] that knows every kind.

use crate::codec;
use kernel::IdText;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    marker::PhantomData,
    sync::Arc,
};

pub type Key = IdText;

/// A typed value of the log. `KIND` and the JSON shape are permanent: a renamed field is a new schema version with an
/// `upcast`, and a field that this program does not know survives its read-modify-write.
pub trait Object: Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// `service.resource`, for instance `compute.server`.
    const KIND: &'static str;
    /// The schema version written now.
    const VERSION: u32 = 1;
    /// Names of the secondary indexes; an [`Index`] is a position in this list.
    const INDEXES: &'static [&'static str] = &[];

    fn key(&self) -> Key;

    /// Says under which values the object is found.
    fn index(&self, _sink: &mut IndexSink<'_>) {}

    /// Brings a value of an older schema version to `VERSION`.
    fn upcast(_from: u32, value: Value) -> Result<Value, String> {
        Ok(value)
    }
}

/// A secondary index of `T`: `const BY_PROJECT: Index<Server> = Index::new(0)`.
pub struct Index<T> {
    pub(crate) slot: usize,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Index<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Index<T> {}

impl<T: Object> Index<T> {
    pub const fn new(slot: usize) -> Self {
        assert!(slot < T::INDEXES.len(), "the index is not in Object::INDEXES");
        Self { slot, kind: PhantomData }
    }
}

/// Collects the index values of one object.
pub struct IndexSink<'a> {
    pub(crate) out: &'a mut Vec<(usize, Key)>,
}

impl IndexSink<'_> {
    pub fn add<T>(&mut self, index: Index<T>, value: impl AsRef<str>) {
        self.out.push((index.slot, Key::new(value.as_ref())));
    }
}

/// One object in memory.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) value: Arc<dyn Any + Send + Sync>,
    pub(crate) version: RowVersion,
    /// Fields this program does not know, put back when it writes.
    pub(crate) unknown: Option<Arc<Map<String, Value>>>,
}

/// Which write made a row: a durable revision, or a group of this process that is not durable yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowVersion {
    Durable(crate::Revision),
    Pending(u64),
}

/// What the store must know of a kind without knowing its type.
pub(crate) struct KindInfo {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) indexes: usize,
    pub(crate) decode: fn(&[u8]) -> Result<(Arc<dyn Any + Send + Sync>, Option<Arc<Map<String, Value>>>), String>,
    pub(crate) index: fn(&(dyn Any + Send + Sync), &mut Vec<(usize, Key)>),
    pub(crate) encode: fn(&(dyn Any + Send + Sync), Option<&Map<String, Value>>) -> Result<Vec<u8>, String>,
}

/// Every kind of object this program knows. Made once at start; kinds of the log that are not in it stay untouched.
#[derive(Default)]
pub struct Schema {
    pub(crate) kinds: Vec<KindInfo>,
    by_name: HashMap<&'static str, usize>,
    by_type: HashMap<TypeId, usize>,
}

impl Schema {
    pub fn new() -> Self {
        let mut schema = Self::default();
        schema.add::<crate::Unique>();
        schema
    }

    #[must_use]
    pub fn with<T: Object>(mut self) -> Self {
        self.add::<T>();
        self
    }

    /// Adds a kind. Two kinds of one name are a bug of the program and end it at start.
    pub fn add<T: Object>(&mut self) {
        let slot = self.kinds.len();
        if self.by_type.insert(TypeId::of::<T>(), slot).is_some() {
            self.by_type.insert(TypeId::of::<T>(), self.by_name[T::KIND]);
            return;
        }
        assert!(self.by_name.insert(T::KIND, slot).is_none(), "two types claim the kind {}", T::KIND);
        self.kinds.push(KindInfo {
            name: T::KIND,
            version: T::VERSION,
            indexes: T::INDEXES.len(),
            decode: |bytes| {
                let (value, unknown) = codec::decode::<T>(bytes)?;
                Ok((Arc::new(value), unknown))
            },
            index: |value, out| {
                if let Some(value) = value.downcast_ref::<T>() {
                    value.index(&mut IndexSink { out });
                }
            },
            encode: |value, unknown| {
                let value = value.downcast_ref::<T>().ok_or("the row holds another type")?;
                codec::encode(value, unknown)
            },
        });
    }

    pub(crate) fn slot_of<T: Object>(&self) -> usize {
        *self.by_type.get(&TypeId::of::<T>()).unwrap_or_else(|| panic!("kind {} was not added to the schema", T::KIND))
    }

    pub(crate) fn slot_named(&self, kind: &str) -> Option<usize> {
        self.by_name.get(kind).copied()
    }

    /// Names and written versions of all kinds, sorted.
    pub fn kinds(&self) -> Vec<(&'static str, u32)> {
        let mut all: Vec<_> = self.kinds.iter().map(|k| (k.name, k.version)).collect();
        all.sort_unstable();
        all
    }
}

/// `o/<kind>/<id>`
pub(crate) fn raw_key(kind: &str, id: &str) -> String {
    let mut key = String::with_capacity(kind.len() + id.len() + 3);
    key.push_str("o/");
    key.push_str(kind);
    key.push('/');
    key.push_str(id);
    key
}

pub(crate) fn split_key(raw: &str) -> Option<(&str, &str)> {
    raw.strip_prefix("o/")?.split_once('/')
}
