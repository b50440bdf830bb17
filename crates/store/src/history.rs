//! Reading `history/`: records that transactions append and nobody changes.

use crate::{
    Store, archive,
    backend::{BackendError, RawRow},
    codec, keys,
};
use kernel::{Error, Result, Timestamp};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// One record of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// Pass it as `after` to read on.
    pub key: String,
    pub at: Timestamp,
    pub record: Value,
}

impl Store {
    /// Reads a stream of records, from the end that `order` says; `after` is the key of the last entry seen.
    pub async fn history(
        &self,
        stream: &str,
        after: Option<&str>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<HistoryEntry>> {
        let stream = format!("{}{stream}", keys::HISTORY.start);
        let (mut from, mut to) = (format!("{stream}/"), format!("{stream}0"));
        match (after, order) {
            (Some(after), Order::OldestFirst) => from = format!("{after}\0"),
            (Some(after), Order::NewestFirst) => to = after.to_owned(),
            (None, _) => {}
        }
        let rows = self.history_rows(&from, &to, limit, order).await;
        let rows = rows.map_err(|e| Error::unavailable("the store cannot be read now").with_source(e))?;
        rows.into_iter().map(entry).collect()
    }

    /// Rows of the store and of the archive, each once.
    async fn history_rows(
        &self,
        from: &str,
        to: &str,
        limit: usize,
        order: Order,
    ) -> Result<Vec<RawRow>, BackendError> {
        let descending = order == Order::NewestFirst;
        let mut rows = self.backend().range(from, to, limit, descending).await?;
        let Some(archive) = self.0.archive.get().cloned() else { return Ok(rows) };
        let newer = |row: &RawRow| archive::time_of(&row.key) >= archive.reaches_to();
        if descending && rows.len() == limit && rows.last().is_none_or(newer) {
            return Ok(rows); // the newest are all in the store
        }
        let (from, to) = (from.to_owned(), to.to_owned());
        let read = tokio::task::spawn_blocking(move || archive.range(&from, &to, limit, descending)).await;
        rows.extend(read.map_err(|e| BackendError::Unavailable(format!("reading the archive: {e}")))??);
        rows.sort_by(|a, b| if descending { b.key.cmp(&a.key) } else { a.key.cmp(&b.key) });
        rows.dedup_by(|a, b| a.key == b.key);
        rows.truncate(limit);
        Ok(rows)
    }
}

fn entry(row: RawRow) -> Result<HistoryEntry> {
    let broken = |e: String| Error::internal(format!("reading {}: {e}", row.key));
    let (_, json) = codec::unframe(&row.value).map_err(broken)?;
    let record = serde_json::from_slice(json).map_err(|e| broken(e.to_string()))?;
    let at = archive::time_of(&row.key).ok_or_else(|| broken("its key has no time".into()))?;
    Ok(HistoryEntry { key: row.key, at, record })
}
