//! What a back end must do: an ordered map with compare-and-set transactions, a watch, and leases.
//!
//! Every back end passes `conformance`, with its faults injected: outcomes that stay unknown, conflicts, a watch that
//! falls behind.

pub mod memory;
pub mod redb;

use crate::Revision;
use async_trait::async_trait;
use std::{fmt, time::Duration};
use tokio::sync::mpsc;

/// One commit: all or nothing.
#[derive(Clone, Debug, Default)]
pub struct RawTxn {
    /// Creates `tx/<id>`; fails if an abort marker is there.
    pub id: String,
    /// Keys and the revision that wrote what is there now (0: absent).
    pub compares: Vec<(String, Revision)>,
    /// Keys and their new values; `None` deletes.
    pub writes: Vec<(String, Option<Vec<u8>>)>,
}

#[derive(Debug)]
pub enum CommitError {
    /// A compare failed; nothing was written. The key that failed, where the back end knows it.
    Conflict(Option<String>),
    /// An abort marker was there first; nothing was written and never will be.
    Aborted,
    /// It may or may not have been written. Ask with [`Backend::resolve`].
    Unknown(String),
    /// The back end can take no writes now; nothing was written.
    Refused(String),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(Some(key)) => write!(f, "{key} was changed by another member"),
            Self::Conflict(None) => f.write_str("an object was changed by another member"),
            Self::Aborted => f.write_str("the transaction was aborted"),
            Self::Unknown(why) => write!(f, "the outcome is unknown: {why}"),
            Self::Refused(why) => write!(f, "the store takes no writes: {why}"),
        }
    }
}

/// A back end failed to open or to read. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    #[error("{0}")]
    Corrupt(String),
    #[error("{0}")]
    Unavailable(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRow {
    pub key: String,
    pub value: Vec<u8>,
    pub revision: Revision,
}

/// All changes of one revision to keys under `o/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawBatch {
    pub revision: Revision,
    /// Key and new value; `None`: deleted.
    pub events: Vec<(String, Option<Vec<u8>>)>,
}

#[derive(Debug)]
pub enum RawWatch {
    Batch(RawBatch),
    /// Events were lost (compaction, a slow reader): load again.
    Lost,
}

/// Everything under `o/` at one revision.
#[derive(Debug)]
pub struct Loaded {
    pub epoch: u64,
    pub revision: Revision,
    pub rows: Vec<RawRow>,
}

#[async_trait]
pub trait Backend: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    async fn load(&self) -> Result<Loaded, BackendError>;

    /// Commits and returns the revision, which is durable.
    async fn commit(&self, txn: RawTxn) -> Result<Revision, CommitError>;

    /// Settles an unknown outcome for good: the revision of the commit, or `None` after having made sure that it can never
    /// happen. Retries inside until it knows.
    async fn resolve(&self, id: &str) -> Option<Revision>;

    /// Batches of every revision after `from`, in order.
    async fn watch(&self, from: Revision) -> mpsc::Receiver<RawWatch>;

    /// The newest revision, by a linearizable read.
    async fn head(&self) -> Result<Revision, BackendError>;

    /// Keys from `from` (inclusive) to `to` (exclusive), at most `limit`, ascending or descending.
    async fn range(&self, from: &str, to: &str, limit: usize, descending: bool) -> Result<Vec<RawRow>, BackendError>;

    /// Deletes keys of a range outside `o/` (trimming history); not a transaction of the log.
    async fn trim(&self, from: &str, to: &str) -> Result<(), BackendError>;

    /// Takes or renews a lease under `name`; it ends by itself after `ttl` without renewal, and with the process if the
    /// back end lives inside it.
    async fn lease(&self, name: &str, ttl: Duration) -> Result<(), BackendError>;

    /// Names of the leases alive now.
    async fn leases(&self) -> Result<Vec<String>, BackendError>;
}
