//! From raw rows to a [`Snapshot`]: what a key of the log means to this program.

use crate::{
    Key, Revision, Schema, Snapshot,
    backend::{BackendError, Loaded},
    keys,
    object::{Row, Written},
    tx::Place,
};
use std::{collections::HashMap, sync::Arc};

pub(crate) enum Item {
    /// An object, or its end.
    Row(Place, Option<Row>),
    Epoch(u64),
    Format(u32),
    /// A kind of a newer program: not ours to read, nor to touch.
    Foreign,
}

/// Reads one key of the log. `None` as value: it was deleted.
pub(crate) fn read(schema: &Schema, key: &str, value: Option<&[u8]>, written: &Written) -> Result<Item, BackendError> {
    match (key, value) {
        (keys::EPOCH, Some(value)) => Ok(Item::Epoch(number(key, value)?)),
        (keys::FORMAT, Some(value)) => Ok(Item::Format(format(schema, number(key, value)?)?)),
        _ => {
            let place = keys::split_object(key).and_then(|(kind, id)| Some((schema.slot_named(kind)?, Key::new(id))));
            let Some(place) = place else { return Ok(Item::Foreign) };
            let info = &schema.kinds[place.0];
            let decode = |value| (info.decode)(value, written.clone()).map_err(|e| unreadable(key, info.version, &e));
            Ok(Item::Row(place, value.map(decode).transpose()?))
        }
    }
}

fn unreadable(key: &str, version: u32, why: &str) -> BackendError {
    BackendError::Corrupt(format!(
        "the value at {key} cannot be read by this program (schema version {version}): {why}; nothing was changed: start the \
         version of tstack that wrote it, or restore a backup"
    ))
}

fn number(key: &str, value: &[u8]) -> Result<u64, BackendError> {
    keys::number(value).map_err(|e| unreadable(key, 1, &e))
}

fn format(schema: &Schema, format: u64) -> Result<u32, BackendError> {
    u32::try_from(format).ok().filter(|f| *f <= schema.format).ok_or_else(|| {
        BackendError::Corrupt(format!(
            "the store has format {format}, this program reads up to {}; nothing was changed: start a newer version of tstack",
            schema.format
        ))
    })
}

/// All of a log. `None`: it is empty, and was never used.
pub(crate) fn read_all(schema: &Arc<Schema>, loaded: &Loaded) -> Result<Option<Snapshot>, BackendError> {
    if loaded.rows.is_empty() {
        return Ok(None);
    }
    if !loaded.rows.iter().any(|row| row.key == keys::FORMAT) {
        let text = "the store was being restored when that was interrupted; restore the backup again";
        return Err(BackendError::Corrupt(text.into()));
    }
    let mut snapshot = Snapshot::empty(Arc::clone(schema), loaded.revision);
    let mut commits = HashMap::<Revision, Written>::new();
    for raw in &loaded.rows {
        let written = commits.entry(raw.revision).or_insert_with(|| Written::at(raw.revision));
        match read(schema, &raw.key, Some(&raw.value), written)? {
            Item::Row((slot, key), row) => drop(snapshot.set(slot, &key, row)),
            Item::Epoch(epoch) => snapshot.epoch = epoch,
            Item::Format(format) => snapshot.format = format,
            Item::Foreign => {}
        }
    }
    Ok(Some(snapshot))
}
