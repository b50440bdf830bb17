//! One transaction's view: what it reads, what it wrote, what must still be so at commit.

use crate::{
    Index, Key, MAX_BYTES, MAX_KEYS, MAX_VALUE, Object, Snapshot, keys,
    object::{Row, Written},
};
use bytes::Bytes;
use kernel::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// An object's kind (its slot in the schema) and id.
pub(crate) type Place = (usize, Key);
/// What point reads found, and so what must still be there at commit: who wrote it, or that it was absent.
pub(crate) type Reads = HashMap<Place, Option<Written>>;

/// Passed to the closure of [`crate::Store::transact`]. Reads see the transaction's own writes.
pub struct Tx {
    /// HEAD plus this transaction's writes.
    pub(crate) view: Snapshot,
    /// What point reads found before this transaction wrote there.
    pub(crate) reads: Reads,
    pub(crate) writes: BTreeMap<Place, Option<Row>>,
    history: Vec<(String, Bytes)>,
    written: Written,
    id: String,
}

/// The value is taken by another object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub owner: String,
}

/// A claim on a value that must be unique in its space (a name in a project, an address in a network).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unique {
    pub space: String,
    pub value: String,
    pub owner: String,
}

impl Unique {
    pub fn id(space: &str, value: &str) -> String {
        format!("{space}/{value}")
    }
}

impl Object for Unique {
    const KIND: &'static str = "store.unique";
    fn key(&self) -> Key {
        Self::id(&self.space, &self.value).into()
    }
}

impl Tx {
    /// `id` is unique to the commit and the transaction's place in it: history keys are made of it.
    pub(crate) fn new(view: Snapshot, written: Written, id: String) -> Self {
        Self { view, reads: Reads::new(), writes: BTreeMap::new(), history: Vec::new(), written, id }
    }

    /// Reads one object; that it is so, or that it is absent, is validated at commit.
    pub fn get<T: Object>(&mut self, id: &str) -> Option<Arc<T>> {
        let slot = self.view.schema.slot_of::<T>();
        self.record(slot, id);
        self.view.row(slot, id).and_then(Row::typed)
    }

    fn record(&mut self, slot: usize, id: &str) {
        let key = (slot, Key::new(id));
        if !self.writes.contains_key(&key) {
            let found = self.view.row(slot, id).map(|row| row.written.clone());
            self.reads.entry(key).or_insert(found);
        }
    }

    /// Writes an object, whether or not it was there.
    pub fn put<T: Object>(&mut self, object: T) -> Arc<T> {
        let object = Arc::new(object);
        let (slot, key) = (self.view.schema.slot_of::<T>(), object.key());
        let unknown = self.view.row(slot, &key).and_then(|row| row.unknown.clone());
        let row = Row::new(Arc::clone(&object), self.written.clone(), unknown);
        self.view.set(slot, &key, Some(row.clone()));
        self.writes.insert((slot, key), Some(row));
        object
    }

    /// Writes an object that must not be there yet.
    pub fn insert<T: Object>(&mut self, object: T) -> Result<Arc<T>> {
        let key = object.key();
        if self.get::<T>(&key).is_some() {
            return Err(Error::conflict(format!("{} {key} exists already", T::KIND)));
        }
        Ok(self.put(object))
    }

    /// Reads, changes and writes an object; `None` if it is not there.
    pub fn update<T: Object + Clone>(&mut self, id: &str, change: impl FnOnce(&mut T)) -> Option<Arc<T>> {
        let mut object = T::clone(&*self.get::<T>(id)?);
        change(&mut object);
        Some(self.put(object))
    }

    /// Removes an object; true if it was there (which is validated).
    pub fn delete<T: Object>(&mut self, id: &str) -> bool {
        let slot = self.view.schema.slot_of::<T>();
        self.record(slot, id);
        let key = Key::new(id);
        let was = self.view.set(slot, &key, None).is_some();
        if was {
            self.writes.insert((slot, key), None);
        }
        was
    }

    /// The view for index and range reads, which are *not* validated at commit.
    pub fn view(&self) -> &Snapshot {
        &self.view
    }

    /// The objects that an index holds under `value`; not validated.
    pub fn by<T: Object>(&self, index: Index<T>, value: &str) -> Vec<Arc<T>> {
        self.view.by(index, value).collect()
    }

    /// Claims a value for `owner`. Claiming again for the same owner is fine.
    pub fn claim_unique(&mut self, space: &str, value: &str, owner: &str) -> Result<(), Taken> {
        match self.get::<Unique>(&Unique::id(space, value)) {
            Some(claim) if claim.owner != owner => Err(Taken { owner: claim.owner.clone() }),
            Some(_) => Ok(()),
            None => {
                self.put(Unique { space: space.into(), value: value.into(), owner: owner.into() });
                Ok(())
            }
        }
    }

    /// Who holds a unique value.
    pub fn unique_owner(&mut self, space: &str, value: &str) -> Option<String> {
        self.get::<Unique>(&Unique::id(space, value)).map(|claim| claim.owner.clone())
    }

    /// Gives a unique value back; a value that another owner holds stays theirs.
    pub fn release_unique(&mut self, space: &str, value: &str, owner: &str) {
        if self.unique_owner(space, value).as_deref() == Some(owner) {
            self.delete::<Unique>(&Unique::id(space, value));
        }
    }

    /// Appends a record to `history/<stream>/`, ordered by `at`. Read it with [`crate::Store::history`].
    pub fn history(&mut self, stream: &str, at: Timestamp, record: &impl Serialize) -> Result<()> {
        let json = serde_json::to_vec(record)
            .map_err(|e| Error::internal(format!("encoding a record of history/{stream}")).with_source(e))?;
        let key =
            format!("{}{stream}/{:016x}-{}-{:04x}", keys::HISTORY.start, at.micros(), self.id, self.history.len());
        self.history.push((key, crate::codec::frame(1, &json).into()));
        Ok(())
    }

    /// Encodes the writes and checks the limits.
    pub(crate) fn encode(&self) -> Result<Vec<(String, Option<Bytes>)>> {
        let count = self.reads.len().max(self.writes.len() + self.history.len());
        if count > MAX_KEYS {
            return Err(Error::too_large(format!("the request would touch {count} objects, the limit is {MAX_KEYS}")));
        }
        let mut out = Vec::with_capacity(self.writes.len() + self.history.len());
        for ((slot, key), row) in &self.writes {
            let info = &self.view.schema.kinds[*slot];
            let encode = |row| (info.encode)(row, self.view.format).map(Bytes::from).map_err(Error::internal);
            out.push((keys::object(info.name, key), row.as_ref().map(encode).transpose()?));
        }
        out.extend(self.history.iter().map(|(key, value)| (key.clone(), Some(value.clone()))));
        let size = |value: &Option<Bytes>| value.as_ref().map_or(0, Bytes::len);
        if let Some((key, value)) = out.iter().find(|(_, value)| size(value) > MAX_VALUE) {
            let text = format!("the object would have {} bytes, the limit is {MAX_VALUE}", size(value));
            return Err(Error::too_large(text).with_internal(key.clone()));
        }
        let bytes: usize = out.iter().map(|(_, value)| size(value)).sum();
        if bytes > MAX_BYTES {
            return Err(Error::too_large(format!("the request would write {bytes} bytes, the limit is {MAX_BYTES}")));
        }
        Ok(out)
    }
}
