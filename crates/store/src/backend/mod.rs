//! What a back end must do: an ordered map of keys with compare-and-set transactions, a watch, and leases.
//!
//! ```text
//!   commit ──▶ Committed ─────────────▶ the revision is durable
//!          ──▶ Conflict, Aborted ─────▶ nothing was written, nor ever will be
//!          ──▶ Refused ───────────────▶ the same, and asking again now is of no use
//!          ──▶ Unknown ──▶ resolve ───▶ one of the first two, for good
//! ```
//!
//! Every commit moves the head of the log (`keys`): it gets a revision higher than all before it.
//! Revisions need not be consecutive: etcd counts much else. Every back end passes one conformance suite (`tests/it`), bare and
//! with faults injected ([`faulty::Faulty`]).

pub mod etcd;
pub mod faulty;
mod local;
pub mod memory;
pub mod redb;

use crate::{Revision, keys::Compare};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use std::{fmt, sync::Arc, time::Duration};

/// One commit: all or nothing.
#[derive(Clone, Debug, Default)]
pub struct RawTxn {
    /// Creates `tx/<id>`; fails if an abort marker is there.
    pub id: String,
    /// Keys and the revision that wrote what is there now (0: absent).
    pub compares: Vec<Compare>,
    /// Keys and their new values; `None` deletes. No key twice.
    pub writes: Vec<(String, Option<Bytes>)>,
}

/// A commit that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    pub revision: Revision,
    /// The revision of the log before this one, if the back end knows: nothing lies in between.
    pub previous: Option<Revision>,
}

#[derive(Clone, Debug)]
pub enum CommitError {
    /// A compare failed. What it failed on is in the log at `at` at the latest.
    Conflict { at: Revision },
    /// An abort marker was there first.
    Aborted,
    /// It may or may not have been written. Ask with [`Backend::resolve`].
    Unknown(String),
    /// The back end takes no writes now.
    Refused(String),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { at } => write!(f, "an object was changed by another member at revision {at}"),
            Self::Aborted => f.write_str("the transaction was aborted"),
            Self::Unknown(why) => write!(f, "the outcome is unknown: {why}"),
            Self::Refused(why) => write!(f, "the store takes no writes: {why}"),
        }
    }
}

/// A back end failed to open or to read. The text says what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BackendError {
    /// What is stored cannot be read. Asking again is of no use.
    #[error("{0}")]
    Corrupt(String),
    /// Ask again later.
    #[error("{0}")]
    Unavailable(String),
    /// A lease was held and has ended: others may have seen it gone. Take a new one, under a new name if it names a life.
    #[error("the lease {0} has ended before it was renewed")]
    Lapsed(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRow {
    pub key: String,
    pub value: Bytes,
    pub revision: Revision,
}

/// All changes of one revision to keys of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawBatch {
    pub revision: Revision,
    /// Key and new value; `None`: deleted. Without `o.head`.
    pub events: Vec<(String, Option<Bytes>)>,
}

#[derive(Clone, Debug)]
pub enum RawWatch {
    Batch(Arc<RawBatch>),
    /// Events were lost (compaction, a slow reader): load again. The last item.
    Lost,
}

/// The log at one revision.
#[derive(Debug)]
pub struct Loaded {
    /// That of the last commit to the log.
    pub revision: Revision,
    /// Without `o.head`.
    pub rows: Vec<RawRow>,
}

#[async_trait]
pub trait Backend: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// Others may write too: what was only read must be validated, and [`Backend::head`] may cost a round trip.
    fn shared(&self) -> bool;

    async fn load(&self) -> Result<Loaded, BackendError>;

    async fn commit(&self, txn: RawTxn) -> Result<Committed, CommitError>;

    /// Whether all compares hold now; if not, the revision of the log at which one is known to fail.
    async fn validate(&self, compares: &[Compare]) -> Result<Result<(), Revision>, BackendError>;

    /// Settles an unknown outcome for good: the revision of the commit, or `None` after having made sure that it can never
    /// happen. Retries inside until it knows; an error means that nobody can know any more.
    async fn resolve(&self, id: &str) -> Result<Option<Revision>, BackendError>;

    /// Every revision of the log after `from`, in order, without end.
    fn watch(&self, from: Revision) -> BoxStream<'static, RawWatch>;

    /// The newest revision of the log, by a linearizable read.
    async fn head(&self) -> Result<Revision, BackendError>;

    /// Keys from `from` (inclusive) to `to` (exclusive), at most `limit`, ascending or descending.
    async fn range(&self, from: &str, to: &str, limit: usize, descending: bool) -> Result<Vec<RawRow>, BackendError>;

    /// Deletes keys of a range, of a log that nobody has open; not a transaction.
    async fn trim(&self, from: &str, to: &str) -> Result<(), BackendError>;

    /// Takes or renews a lease under `name`. It ends by itself `ttl` after this call *began* at the earliest, and with the process
    /// if the back end lives inside it; renewing it too late is [`BackendError::Lapsed`], once.
    async fn lease(&self, name: &str, ttl: Duration) -> Result<(), BackendError>;

    /// Names of the leases alive now.
    async fn leases(&self) -> Result<Vec<String>, BackendError>;
}
