//! What can be stored: the [`Object`] trait, its indexes, and the [`Schema`] that knows every kind.

use crate::{Revision, codec, codec::Unknown};
use kernel::IdText;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

pub type Key = IdText;

/// A typed value of the log. `KIND` and the JSON shape are permanent: a renamed field is a new schema version with an
/// `upcast`, and a field that this program does not know survives its read-modify-write.
///
/// A new version in three steps: raise `VERSION` and the program's format ([`Schema::with_format`]); say in `version_for` from
/// which format on it is written; write `upcast` and `downcast`. Until the format is finalised
/// ([`crate::Store::finalise_format`]) everybody goes on writing the old version, so an upgrade can be taken back.
pub trait Object: Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// `service.resource`, for instance `compute.server`.
    const KIND: &'static str;
    /// The newest schema version: the one that this type is.
    const VERSION: u32 = 1;
    /// Names of the secondary indexes; an [`Index`] is a position in this list.
    const INDEXES: &'static [&'static str] = &[];

    fn key(&self) -> Key;

    /// Says under which values the object is found.
    fn index(&self, _sink: &mut IndexSink<'_>) {}

    /// The schema version written while the cluster's format is `format`.
    fn version_for(_format: u32) -> u32 {
        Self::VERSION
    }

    /// Brings a value of an older schema version to `VERSION`, taking away what it replaces.
    fn upcast(_from: u32, value: Value) -> Result<Value, String> {
        Ok(value)
    }

    /// Brings a value of `VERSION` to an older schema version, for members that do not know this one yet.
    fn downcast(_to: u32, value: Value) -> Result<Value, String> {
        Ok(value)
    }

    /// Called on every object when a backup is restored: raises its generations, so that what was ordered in the time that the
    /// restore took back is refused.
    fn restored(&mut self) {}
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
    out: &'a mut Vec<(usize, Key)>,
}

impl IndexSink<'_> {
    pub fn add<T>(&mut self, index: Index<T>, value: impl AsRef<str>) {
        self.out.push((index.slot, Key::new(value.as_ref())));
    }
}

/// One object in memory. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) value: Arc<dyn Any + Send + Sync>,
    pub(crate) written: Written,
    /// Fields this program does not know, put back when it writes.
    pub(crate) unknown: Option<Arc<Unknown>>,
    /// Where the indexes hold it. Kept, so that taking a row out never runs code of its type.
    pub(crate) indexed: Arc<[(usize, Key)]>,
}

impl Row {
    pub(crate) fn new<T: Object>(value: Arc<T>, written: Written, unknown: Option<Arc<Unknown>>) -> Self {
        let indexed = indexed(&*value);
        Self { value, written, unknown, indexed }
    }

    pub(crate) fn typed<T: Object>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.value).downcast::<T>().ok()
    }
}

fn indexed<T: Object>(value: &T) -> Arc<[(usize, Key)]> {
    let mut out = Vec::new();
    value.index(&mut IndexSink { out: &mut out });
    assert!(out.iter().all(|(slot, _)| *slot < T::INDEXES.len()), "{} is indexed by another kind's index", T::KIND);
    out.sort_unstable();
    out.dedup();
    out.into()
}

/// The commit that wrote a row: its revision, or nothing yet. All rows of a commit share one, so all of them get their revision
/// in the instant in which the commit gets it.
#[derive(Clone, Debug)]
pub(crate) struct Written(Arc<AtomicI64>);

impl Written {
    const PENDING: Revision = -1;

    pub(crate) fn pending() -> Self {
        Self(Arc::new(AtomicI64::new(Self::PENDING)))
    }
    pub(crate) fn at(revision: Revision) -> Self {
        Self(Arc::new(AtomicI64::new(revision)))
    }
    pub(crate) fn settle(&self, revision: Revision) {
        self.0.store(revision, Ordering::Release);
    }
    /// −1, which no key ever has, while the commit is pending.
    pub(crate) fn revision(&self) -> Revision {
        self.0.load(Ordering::Acquire)
    }
}

type DecodedRow = Result<Row, String>;

/// What the store must know of a kind without knowing its type.
pub(crate) struct KindInfo {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) indexes: usize,
    pub(crate) decode: fn(&[u8], Written) -> DecodedRow,
    pub(crate) encode: fn(&Row, u32) -> Result<Vec<u8>, String>,
    /// A stored value after [`Object::restored`].
    pub(crate) restored: fn(&[u8], u32) -> Result<Vec<u8>, String>,
}

impl KindInfo {
    fn of<T: Object>() -> Self {
        Self {
            name: T::KIND,
            version: T::VERSION,
            indexes: T::INDEXES.len(),
            decode: |bytes, written| {
                // A value of another program may be one that this program's `index` never saw.
                let run = || {
                    let (value, unknown) = codec::decode::<T>(bytes)?;
                    Ok(Row::new(Arc::new(value), written, unknown.map(Arc::new)))
                };
                catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("reading it panicked".into()))
            },
            encode: |row, format| {
                let value = row.value.downcast_ref::<T>().ok_or("the row holds another type")?;
                codec::encode(value, row.unknown.as_deref(), format)
            },
            restored: |bytes, format| {
                let (mut value, unknown) = codec::decode::<T>(bytes)?;
                value.restored();
                codec::encode(&value, unknown.as_ref(), format)
            },
        }
    }
}

/// A `TypeId` is a hash already, and is looked up several times in every request.
#[derive(Default)]
struct OfType(u64);

impl Hasher for OfType {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// Every kind of object this program knows. Made once at start; kinds of the log that are not in it stay untouched.
pub struct Schema {
    pub(crate) kinds: Vec<KindInfo>,
    pub(crate) format: u32,
    by_name: HashMap<&'static str, usize>,
    by_type: HashMap<TypeId, usize, BuildHasherDefault<OfType>>,
}

impl Default for Schema {
    fn default() -> Self {
        Self::new()
    }
}

impl Schema {
    pub fn new() -> Self {
        let mut schema = Self { kinds: Vec::new(), format: 1, by_name: HashMap::new(), by_type: HashMap::default() };
        schema.add::<crate::Unique>();
        schema.add::<crate::lease::WriterRecord>();
        schema
    }

    #[must_use]
    pub fn with<T: Object>(mut self) -> Self {
        self.add::<T>();
        self
    }

    /// The newest format this program reads and writes. A new store begins with it; a store of a newer one is refused.
    #[must_use]
    pub fn with_format(mut self, format: u32) -> Self {
        self.format = format;
        self
    }

    /// Adds a kind; adding it again changes nothing. Two types of one name are a bug of the program and end it at start.
    pub fn add<T: Object>(&mut self) {
        let slot = self.kinds.len();
        if self.by_type.contains_key(&TypeId::of::<T>()) {
            return;
        }
        assert!(self.by_name.insert(T::KIND, slot).is_none(), "two types claim the kind {}", T::KIND);
        self.by_type.insert(TypeId::of::<T>(), slot);
        self.kinds.push(KindInfo::of::<T>());
    }

    pub(crate) fn slot_of<T: Object>(&self) -> usize {
        *self.by_type.get(&TypeId::of::<T>()).unwrap_or_else(|| panic!("kind {} was not added to the schema", T::KIND))
    }

    pub(crate) fn slot_named(&self, kind: &str) -> Option<usize> {
        self.by_name.get(kind).copied()
    }

    /// Names and newest versions of all kinds, sorted.
    pub fn kinds(&self) -> Vec<(&'static str, u32)> {
        let mut all: Vec<_> = self.kinds.iter().map(|k| (k.name, k.version)).collect();
        all.sort_unstable();
        all
    }
}
