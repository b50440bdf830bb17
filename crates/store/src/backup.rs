//! Backups: all objects and all history of one revision in one file (`rowfile`), from any back end to any other.
//!
//! ```text
//!   checked: every line, checksum and value is read first ──▶ rows, in transactions ──▶ epoch + 1 and format, last
//! ```
//!
//! A store without a format is one whose restore was interrupted: it is refused when it is opened, and emptied when the
//! restore is begun again. Restoring calls [`crate::Object::restored`], which raises generations; cursors of before get a `Reset`, for
//! the epoch is raised. Leases and outcomes are not in a backup: nobody who held one lives on.

use crate::{
    Backend, Revision, Schema, Store,
    backend::{BackendError, CommitError, Loaded, RawTxn},
    codec, keys,
    rowfile::{RowLine, RowReader, RowWriter},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{io, path::Path};

const PAGE: usize = 1000;
/// Of one transaction of a restore.
const BATCH_ROWS: usize = 1000;
const BATCH_BYTES: usize = 2 << 20;

#[derive(Serialize, Deserialize)]
struct Head {
    tstack: String,
    version: u32,
    epoch: u64,
    revision: Revision,
    format: u32,
}

/// What a backup holds, or what was restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    pub objects: u64,
    pub history: u64,
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> BackendError + '_ {
    move |e| BackendError::Unavailable(format!("the backup {} cannot be used: {e}", path.display()))
}

impl Store {
    /// Writes a backup of the state that is the newest now.
    pub async fn backup(&self, path: &Path) -> Result<Contents, BackendError> {
        backup(self.backend(), path).await
    }
}

/// Writes a backup of a store, open or not.
pub async fn backup(backend: &dyn Backend, path: &Path) -> Result<Contents, BackendError> {
    let loaded = backend.load().await?;
    let failed =
        |e: io::Error| BackendError::Unavailable(format!("the backup {} was not written: {e}", path.display()));
    let mut out = RowWriter::create(path, &head(&loaded)?).map_err(failed)?;
    let mut contents = Contents::default();
    for row in loaded.rows.iter().filter(|r| keys::split_object(&r.key).is_some()) {
        RowLine::new(&row.key, &row.value).and_then(|line| out.row(&line)).map_err(failed)?;
        contents.objects += 1;
    }
    let mut from = keys::HISTORY.start.to_owned();
    loop {
        let page = backend.range(&from, keys::HISTORY.end, PAGE, false).await?;
        let Some(last) = page.last() else { break };
        from = format!("{}\0", last.key);
        // What is newer than the objects is not of this state.
        for row in page.iter().filter(|r| r.revision <= loaded.revision) {
            RowLine::new(&row.key, &row.value).and_then(|line| out.row(&line)).map_err(failed)?;
            contents.history += 1;
        }
    }
    out.finish().map_err(failed)?;
    Ok(contents)
}

fn head(loaded: &Loaded) -> Result<Head, BackendError> {
    let number = |key| {
        let row = loaded.rows.iter().find(|r| r.key == key).ok_or("it is empty, or its restore was interrupted")?;
        keys::number(&row.value)
    };
    let both = number(keys::EPOCH).and_then(|epoch| Ok((epoch, number(keys::FORMAT)?)));
    let (epoch, format) = both.map_err(|e| BackendError::Corrupt(format!("the store cannot be backed up: {e}")))?;
    let format = u32::try_from(format).unwrap_or(u32::MAX);
    Ok(Head { tstack: "backup".into(), version: 1, epoch, revision: loaded.revision, format })
}

/// Fills an empty back end from a backup. A damaged backup, or one of a newer program, writes nothing.
pub async fn restore(backend: &dyn Backend, schema: &Schema, path: &Path) -> Result<Contents, BackendError> {
    let head = check(schema, path)?;
    let there = backend.load().await?;
    if there.rows.iter().any(|r| r.key == keys::FORMAT) {
        return Err(BackendError::Unavailable("the store is in use; a backup is restored into an empty one".into()));
    }
    for range in [keys::LOG, keys::HISTORY] {
        backend.trim(range.start, range.end).await?;
    }
    let (mut contents, mut batch) = (Contents::default(), Batch::default());
    for line in RowReader::<Head>::open(path).map_err(unreadable(path))? {
        let line = line.map_err(unreadable(path))?;
        match keys::split_object(&line.key) {
            Some(_) => contents.objects += 1,
            None => contents.history += 1,
        }
        batch.add(restored(schema, &head, line)?);
        if batch.is_full() {
            batch.commit(backend).await?;
        }
    }
    batch.commit(backend).await?;
    batch.add((keys::EPOCH.into(), keys::number_value(head.epoch + 1)));
    batch.add((keys::FORMAT.into(), keys::number_value(head.format.into())));
    batch.commit(backend).await?;
    Ok(contents)
}

/// Reads all of a backup, values included.
fn check(schema: &Schema, path: &Path) -> Result<Head, BackendError> {
    let mut reader = RowReader::<Head>::open(path).map_err(unreadable(path))?;
    if reader.head.tstack != "backup" || reader.head.version != 1 || reader.head.format > schema.format {
        let text = format!("the backup {} is one of a newer program; start that", path.display());
        return Err(BackendError::Unavailable(text));
    }
    while let Some(line) = reader.next() {
        restored(schema, &reader.head, line.map_err(unreadable(path))?)?;
    }
    Ok(reader.head)
}

/// A row as it is restored.
fn restored(schema: &Schema, head: &Head, line: RowLine) -> Result<(String, Bytes), BackendError> {
    let broken =
        |e: String| BackendError::Corrupt(format!("the backup cannot be used: its value of {}: {e}", line.key));
    let kind = keys::split_object(&line.key).and_then(|(kind, _)| schema.slot_named(kind));
    let value = match kind {
        Some(slot) => (schema.kinds[slot].restored)(line.value.as_bytes(), head.format).map_err(broken)?,
        None => codec::unframe(line.value.as_bytes()).map(|_| line.value.clone().into_bytes()).map_err(broken)?,
    };
    Ok((line.key, value.into()))
}

#[derive(Default)]
struct Batch {
    rows: Vec<(String, Option<Bytes>)>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, (key, value): (String, Bytes)) {
        self.bytes += value.len();
        self.rows.push((key, Some(value)));
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// Commits what was added. Twice does no harm: nobody else writes here.
    async fn commit(&mut self, backend: &dyn Backend) -> Result<(), BackendError> {
        let Self { rows, .. } = std::mem::take(self);
        while !rows.is_empty() {
            let id = kernel::ids::uuid_hex().to_string();
            let txn = RawTxn { id: id.clone(), compares: vec![(keys::FORMAT.into(), 0)], writes: rows.clone() };
            match backend.commit(txn).await {
                Ok(_) => break,
                Err(CommitError::Unknown(_)) if backend.resolve(&id).await?.is_some() => break,
                Err(CommitError::Unknown(_) | CommitError::Aborted) => {}
                Err(e) => return Err(BackendError::Unavailable(format!("restoring a backup: {e}"))),
            }
        }
        Ok(())
    }
}
