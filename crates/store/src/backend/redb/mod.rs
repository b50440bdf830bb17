//! The embedded back end of a single node: one file, one process, one fsync per commit.
//!
//! Three tables: `kv` (key → revision, value), `meta` (`revision`) and `last` (the id of the last commit, which settles a commit
//! that failed half-way without growing a `tx/` row per commit). redb writes copy on write, with a checksum on every page; a
//! commit is there or not, even if the disk reorders and tears what was not synced (`tests/it/crash.rs`).
//!
//! ```text
//!   commit ──ok──▶ durable
//!     └─ I/O error ─▶ redb refuses all further work: open the file again ─▶ `last` says which: committed, or refused with the reason
//!           └─ of a sync ─▶ nothing that is read proves anything any more: the process must stop
//! ```
//!
//! A full disk is the first case: that request fails with the reason, and when there is space again writes go on. The file
//! belongs to one process (redb locks it), is for its owner only, is checked page by page when it is opened, and a damaged one is
//! refused with what to do, never recreated.

mod disk;
mod tables;

use super::{
    Backend, BackendError, CommitError, Committed, Loaded, RawRow, RawTxn, RawWatch,
    local::{Feed, Leases, Outcomes},
};
use crate::{Revision, keys::Compare};
use async_trait::async_trait;
use disk::{Disk, SyncFailed};
use futures_util::stream::BoxStream;
use parking_lot::{Mutex, RwLock};
use redb::{Database, DatabaseError, StorageBackend};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tables::{Failed, Tables};

/// Everything is in memory as it is read: redb only looks for the pages that it changes, and the kernel has those, too.
const CACHE: usize = 8 << 20;
const RETRY: Duration = Duration::from_millis(500);

type Opener = Box<dyn Fn() -> Result<Box<dyn StorageBackend>, BackendError> + Send + Sync>;

/// Clones share the file.
#[derive(Clone)]
pub struct Redb(Arc<Inner>);

struct Inner {
    name: String,
    open: Opener,
    sync_failed: SyncFailed,
    /// None: it failed, and could not be opened again yet.
    tables: RwLock<Option<Tables>>,
    /// Commits come one at a time; the lock also orders the batches for watchers.
    feed: Mutex<Feed>,
    /// The feed's revision, for readers who must not wait for a commit's fsync.
    head: AtomicI64,
    outcomes: Mutex<Outcomes>,
    leases: Mutex<Leases>,
}

impl Redb {
    /// Opens the store at `path`, or makes it if there is no file.
    pub fn open(path: &Path) -> Result<Self, BackendError> {
        let (name, path) = (path.display().to_string(), path.to_owned());
        Self::with_opener(name, Box::new(move || disk::open(&path)))
    }

    /// Opens a store on any storage: the crash tests bring one that loses and tears what was not synced. `open` is called again
    /// after an I/O error.
    pub fn with_storage<S: StorageBackend>(
        open: impl Fn() -> std::io::Result<S> + Send + Sync + 'static,
    ) -> Result<Self, BackendError> {
        let open = move || match open() {
            Ok(storage) => Ok(Box::new(storage) as Box<dyn StorageBackend>),
            Err(e) => Err(BackendError::Unavailable(format!("the storage cannot be opened: {e}"))),
        };
        Self::with_opener("(given storage)".into(), Box::new(open))
    }

    fn with_opener(name: String, open: Opener) -> Result<Self, BackendError> {
        let sync_failed = SyncFailed::default();
        let tables = open_tables(&name, &open, &sync_failed)?;
        let revision = tables.revision().map_err(|e| damaged(&name, e))?;
        let (feed, head) = (Mutex::new(Feed::starting_at(revision)), AtomicI64::new(revision));
        let tables = RwLock::new(Some(tables));
        let (outcomes, leases) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { name, open, sync_failed, tables, feed, head, outcomes, leases })))
    }

    async fn blocking<T: Send + 'static>(&self, f: impl FnOnce(&Inner) -> T + Send + 'static) -> T {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || f(&inner))
            .await
            .unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()))
    }
}

fn damaged(name: &str, e: impl std::fmt::Display) -> BackendError {
    BackendError::Corrupt(format!(
        "the store {name} is damaged ({e}); it was left as it is: put a backup of the file in its place, or move it away to \
         begin with an empty cloud"
    ))
}

/// Opens the database and checks all of it. redb may panic over a file that something else wrote to.
fn open_tables(name: &str, open: &Opener, sync_failed: &SyncFailed) -> Result<Tables, BackendError> {
    let disk = Disk { storage: open()?, sync_failed: sync_failed.clone() };
    let create =
        || Database::builder().set_cache_size(CACHE).set_check_integrity_on_open(true).create_with_backend(disk);
    let database = catch_unwind(AssertUnwindSafe(create)).map_err(|_| damaged(name, "redb panicked over it"))?;
    let database = database.map_err(|e| match e {
        DatabaseError::DatabaseAlreadyOpen => BackendError::Unavailable(format!(
            "the store {name} is in use by another process; stop the running tstack first (`tstack status`)"
        )),
        // Without a code it is not the system's but redb's, about what it has read.
        DatabaseError::Storage(redb::StorageError::Io(io)) if io.raw_os_error().is_some() => {
            BackendError::Unavailable(format!("the store {name} cannot be opened: {io}"))
        }
        e => damaged(name, e),
    })?;
    Tables::of(database).map_err(|e| damaged(name, e))
}

impl Inner {
    fn commit(&self, txn: &RawTxn) -> Result<Committed, CommitError> {
        let mut feed = self.feed.lock();
        self.outcomes.lock().check(&txn.id)?;
        let revision = feed.revision + 1;
        self.reopen_if_failed().map_err(|e| CommitError::Refused(e.to_string()))?;
        let failed = match &*self.tables.read() {
            Some(tables) => tables.commit(txn, revision),
            None => return Err(CommitError::Refused(format!("the store {} is closed", self.name))),
        };
        match failed {
            Ok(()) => {}
            Err(Failed::Conflict) => return Err(CommitError::Conflict { at: feed.revision }),
            Err(Failed::Store(e)) => self.learn(&txn.id, &e)?,
        }
        let committed = feed.committed(txn);
        self.head.store(committed.revision, Ordering::Release);
        self.outcomes.lock().note(&txn.id, Some(committed.revision));
        Ok(committed)
    }

    /// After an I/O error: opens the file again and finds out what became of the commit.
    fn learn(&self, id: &str, error: &redb::Error) -> Result<(), CommitError> {
        tracing::error!(%error, store = self.name, "a commit failed; opening the store again");
        *self.tables.write() = None;
        if self.sync_failed.happened() {
            return Err(CommitError::Unknown(error.to_string()));
        }
        self.reopen_if_failed().map_err(|_| CommitError::Unknown(error.to_string()))?;
        match self.last_commit() {
            Some(Ok(last)) if last == id => Ok(()),
            Some(Ok(_)) => Err(CommitError::Refused(error.to_string())),
            Some(Err(_)) | None => Err(CommitError::Unknown(error.to_string())),
        }
    }

    fn last_commit(&self) -> Option<Result<String, redb::Error>> {
        self.tables.read().as_ref().map(Tables::last_commit)
    }

    fn reopen_if_failed(&self) -> Result<(), BackendError> {
        if self.sync_failed.happened() {
            return Err(self.distrusted());
        }
        if self.tables.read().is_some() {
            return Ok(());
        }
        let tables = open_tables(&self.name, &self.open, &self.sync_failed)?;
        *self.tables.write() = Some(tables);
        Ok(())
    }

    fn distrusted(&self) -> BackendError {
        BackendError::Unavailable(format!(
            "the disk of the store {} failed to sync: what it holds of the last commits is not certain; check the disk, then \
             start tstack again",
            self.name
        ))
    }

    /// Settles a commit whose outcome the caller does not know. `None`: the file cannot be opened yet.
    fn settle(&self, id: &str) -> Option<Result<Option<Revision>, BackendError>> {
        let mut feed = self.feed.lock();
        match self.reopen_if_failed() {
            Ok(()) => {}
            Err(_) if self.sync_failed.happened() => return Some(Err(self.distrusted())),
            Err(_) => return None,
        }
        let mut outcomes = self.outcomes.lock();
        let in_file = self.tables.read().as_ref()?.revision().ok()?;
        if in_file > feed.revision && matches!(self.last_commit()?, Ok(last) if last == id) {
            // It is in the file, and nobody has been told: its batch is gone, so watchers load.
            *feed = Feed::starting_at(in_file);
            self.head.store(in_file, Ordering::Release);
            outcomes.note(id, Some(in_file));
        }
        Some(Ok(outcomes.settle(id)))
    }

    fn read<T>(&self, f: impl FnOnce(&Tables) -> Result<T, redb::Error>) -> Result<T, BackendError> {
        match &*self.tables.read() {
            Some(tables) => f(tables).map_err(|e| BackendError::Unavailable(format!("reading the store: {e}"))),
            None => Err(BackendError::Unavailable(format!("the store {} is closed after an error", self.name))),
        }
    }
}

#[async_trait]
impl Backend for Redb {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn shared(&self) -> bool {
        false
    }

    async fn load(&self) -> Result<Loaded, BackendError> {
        self.blocking(|db| db.read(Tables::load)).await
    }

    async fn commit(&self, txn: RawTxn) -> Result<Committed, CommitError> {
        self.blocking(move |db| db.commit(&txn)).await
    }

    async fn validate(&self, compares: &[Compare]) -> Result<Result<(), Revision>, BackendError> {
        let compares = compares.to_vec();
        self.blocking(move |db| {
            let feed = db.feed.lock();
            let hold = db.read(|tables| tables.hold(&compares))?;
            Ok(if hold { Ok(()) } else { Err(feed.revision) })
        })
        .await
    }

    async fn resolve(&self, id: &str) -> Result<Option<Revision>, BackendError> {
        loop {
            let asked = id.to_owned();
            if let Some(outcome) = self.blocking(move |db| db.settle(&asked)).await {
                return outcome;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    fn watch(&self, from: Revision) -> BoxStream<'static, RawWatch> {
        self.0.feed.lock().watch(from)
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        Ok(self.0.head.load(Ordering::Acquire))
    }

    async fn range(&self, from: &str, to: &str, limit: usize, descending: bool) -> Result<Vec<RawRow>, BackendError> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.blocking(move |db| db.read(|tables| tables.range(&from, &to, limit, descending))).await
    }

    async fn trim(&self, from: &str, to: &str) -> Result<(), BackendError> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.blocking(move |db| db.read(|tables| tables.trim(&from, &to))).await
    }

    async fn lease(&self, name: &str, ttl: Duration) -> Result<(), BackendError> {
        self.0.leases.lock().take(name, ttl)
    }

    async fn leases(&self) -> Result<Vec<String>, BackendError> {
        Ok(self.0.leases.lock().alive())
    }
}
