//! One writer among members, as an optimisation.
//!
//! ```text
//!              record names nobody alive: take it, epoch + 1
//!   Standby ───────────────────────────────────────────────────▶ Writer { epoch }
//!      ▲                                                              │
//!      └──── the record names another · the lease was not renewed ◀───┘
//! ```
//!
//! Mutating requests and flows go to the writer, whose transactions then meet no conflicts. Who the writer is stands in one
//! object of the log, [`WriterRecord`], written only when it changes; that the writer lives, in a lease of the back end. A
//! candidate takes over when the lease of the one named is gone.
//!
//! Correctness never rests on it. A writer that was frozen finds its own deadline passed ([`Writer::role`] looks at the monotonic
//! clock); one that was frozen between looking and committing is stopped by [`confirm`] in its transaction, or, where a
//! transaction does without, by the compares of what it read. So two writers at once cost conflicts and nothing else.

use crate::{Key, Object, Store, Tx, backend::BackendError};
use kernel::{Error, Result};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// Time without renewal after which others may take over.
pub const TTL: Duration = Duration::from_secs(2);
const RECORD: &str = "writer";

/// Who the writer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterRecord {
    /// The member's name.
    pub member: String,
    /// One life of the member: the name of its lease. Empty: it has resigned.
    pub lease: String,
    /// Raised whenever the writer changes.
    pub epoch: u64,
}

impl Object for WriterRecord {
    const KIND: &'static str = "store.writer";
    fn key(&self) -> Key {
        RECORD.into()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    Writer {
        epoch: u64,
    },
    /// With the name of the writer, if there is one.
    Standby {
        writer: Option<String>,
    },
}

/// In a transaction of the writer: refuses if another has taken over since `epoch`, and lets the commit fail if one does now.
pub fn confirm(tx: &mut Tx, epoch: u64) -> Result<()> {
    match tx.get::<WriterRecord>(RECORD) {
        Some(record) if record.epoch == epoch => Ok(()),
        _ => Err(Error::unavailable("another member has become the writer; try again")),
    }
}

/// A candidate. Dropping it ends the candidacy; the lease then ends by itself.
pub struct Writer {
    candidate: Arc<Candidate>,
    renewal: JoinHandle<()>,
}

struct Candidate {
    store: Store,
    member: String,
    lease: String,
    ttl: Duration,
    /// The epoch in which this candidate is the writer, and until when that is certain.
    held: Mutex<Option<(u64, Instant)>>,
}

impl Writer {
    /// Stands for writer under the member's name. Returns when it is known who the writer is, if the store answers.
    pub async fn stand(store: Store, member: &str) -> Self {
        Self::stand_with(store, member, TTL).await
    }

    /// With another lease time, for tests.
    pub async fn stand_with(store: Store, member: &str, ttl: Duration) -> Self {
        let lease = format!("writer/{member}/{}", kernel::ids::uuid_hex());
        let candidate = Arc::new(Candidate { store, member: member.to_owned(), lease, ttl, held: Mutex::new(None) });
        candidate.turn().await;
        let renewal = tokio::spawn(Arc::clone(&candidate).run());
        Self { candidate, renewal }
    }

    pub fn role(&self) -> Role {
        match *self.candidate.held.lock() {
            Some((epoch, until)) if Instant::now() < until => Role::Writer { epoch },
            _ => {
                let record = self.candidate.store.snapshot().get::<WriterRecord>(RECORD);
                let other = record.filter(|r| !r.lease.is_empty() && r.lease != self.candidate.lease);
                Role::Standby { writer: other.map(|r| r.member.clone()) }
            }
        }
    }

    pub fn is_writer(&self) -> bool {
        matches!(self.role(), Role::Writer { .. })
    }

    /// Gives the role up, so that another member takes it at once: for an orderly shutdown.
    pub async fn resign(self) -> Result<()> {
        self.renewal.abort();
        *self.candidate.held.lock() = None;
        let lease = self.candidate.lease.clone();
        self.candidate
            .store
            .transact("store.writer.resign", move |tx| {
                if let Some(record) = tx.get::<WriterRecord>(RECORD).filter(|r| r.lease == lease) {
                    tx.put(WriterRecord { lease: String::new(), ..WriterRecord::clone(&record) });
                }
                Ok(())
            })
            .await
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

impl Candidate {
    async fn run(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.ttl / 4).await;
            self.turn().await;
        }
    }

    /// Renews the lease and looks who the writer is; takes over if nobody is.
    async fn turn(&self) {
        let began = Instant::now();
        let held = match self.campaign().await {
            Ok(epoch) => epoch.map(|epoch| (epoch, began + self.ttl)),
            // Not known: the deadline of the last renewal still holds.
            Err(Unsettled::Later) => return,
            Err(Unsettled::Lapsed) => None,
        };
        *self.held.lock() = held;
    }

    /// The epoch in which this candidate is the writer, if it is.
    async fn campaign(&self) -> Result<Option<u64>, Unsettled> {
        self.store.lease(&self.lease, self.ttl).await?;
        let record = self.store.read().await?.get::<WriterRecord>(RECORD);
        let was_mine = self.held.lock().map(|(epoch, _)| epoch);
        match record.as_deref() {
            Some(record) if record.lease == self.lease && was_mine == Some(record.epoch) => return Ok(was_mine),
            Some(record) if record.lease != self.lease && self.store.leases().await?.contains(&record.lease) => {
                return Ok(None);
            }
            _ => {}
        }
        self.take_over(record).await
    }

    async fn take_over(&self, seen: Option<Arc<WriterRecord>>) -> Result<Option<u64>, Unsettled> {
        let (member, lease) = (self.member.clone(), self.lease.clone());
        let epoch = seen.as_ref().map_or(1, |r| r.epoch + 1);
        let take = move |tx: &mut Tx| {
            if tx.get::<WriterRecord>(RECORD) != seen {
                return Ok(None); // another candidate was faster
            }
            tx.put(WriterRecord { member: member.clone(), lease: lease.clone(), epoch });
            Ok(Some(epoch))
        };
        let taken = self.store.transact("store.writer.take", take).await?;
        if taken.is_some() {
            tracing::info!(member = self.member, epoch, "this member is the writer");
        }
        Ok(taken)
    }
}

enum Unsettled {
    Later,
    /// The lease ended: others may have taken over, and if none did it takes a new epoch.
    Lapsed,
}

impl From<BackendError> for Unsettled {
    fn from(e: BackendError) -> Self {
        match e {
            BackendError::Lapsed(_) => Self::Lapsed,
            BackendError::Corrupt(_) | BackendError::Unavailable(_) => Self::Later,
        }
    }
}

impl From<Error> for Unsettled {
    fn from(_: Error) -> Self {
        Self::Later
    }
}
