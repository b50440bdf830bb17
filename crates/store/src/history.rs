//! Reading `history/`: records that transactions append and nobody changes.

use crate::{Store, codec};
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
        let prefix = format!("history/{stream}/");
        let (mut from, mut to) = (prefix.clone(), format!("history/{stream}0"));
        match (after, order) {
            (Some(after), Order::OldestFirst) => from = format!("{after}\0"),
            (Some(after), Order::NewestFirst) => to = after.to_owned(),
            (None, _) => {}
        }
        let rows = self.backend().range(&from, &to, limit, order == Order::NewestFirst).await;
        let rows = rows.map_err(|e| Error::unavailable("the store cannot be read now").with_source(e))?;
        rows.into_iter()
            .map(|row| {
                let broken = |e: String| Error::internal(format!("reading {}: {e}", row.key));
                let (_, json) = codec::unframe(&row.value).map_err(broken)?;
                let record = serde_json::from_slice(json).map_err(|e| broken(e.to_string()))?;
                let stamp = row.key[prefix.len()..].split('-').next().unwrap_or_default();
                let at = Timestamp::from_micros(i64::from_str_radix(stamp, 16).unwrap_or_default());
                Ok(HistoryEntry { key: row.key, at, record })
            })
            .collect()
    }
}
