//! The embedded back end of a single node: one file, one process, one fsync per commit.
//!
//! Three tables: `kv` (key → revision, value), `meta` (`epoch`, `revision`) and `last` (the id of the last commit, which settles
//! a commit that failed half-way without growing a `tx/` row per commit). The file is locked by redb, so a second process is
//! refused; a damaged file is refused with what to do and never recreated.

use super::{Backend, BackendError, CommitError, Loaded, RawBatch, RawRow, RawTxn, RawWatch};
use crate::Revision;
use async_trait::async_trait;
use parking_lot::Mutex;
use redb::{Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};
use tokio::sync::mpsc;

const KV: TableDefinition<'_, &str, (i64, &[u8])> = TableDefinition::new("kv");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const LAST: TableDefinition<'_, &str, &str> = TableDefinition::new("last");

/// Batches kept for a watcher that comes a little late; an older cursor is `Lost`.
const KEPT_BATCHES: usize = 1024;

#[derive(Clone)]
pub struct Redb(Arc<Inner>);

struct Inner {
    db: Database,
    /// Commits come one at a time; the lock also orders the batches for watchers.
    feed: Mutex<Feed>,
    leases: Mutex<HashMap<String, std::time::Instant>>,
}

#[derive(Default)]
struct Feed {
    revision: Revision,
    log: std::collections::VecDeque<RawBatch>,
    watchers: Vec<mpsc::UnboundedSender<RawBatch>>,
}

fn damaged(path: &str, e: impl std::fmt::Display) -> BackendError {
    BackendError::Corrupt(format!(
        "the store {path} is damaged ({e}); it was left as it is: restore a backup with `tstack restore`, or move the file \
         away to begin with an empty cloud"
    ))
}

fn unavailable(what: &str) -> impl Fn(redb::Error) -> BackendError + '_ {
    move |e| BackendError::Unavailable(format!("{what}: {e}"))
}

impl Redb {
    /// Opens the store at `path`, or makes it if there is no file.
    pub fn open(path: &Path) -> Result<Self, BackendError> {
        let name = path.display().to_string();
        let db = Database::builder().set_cache_size(32 << 20).create(path).map_err(|e| match e {
            DatabaseError::DatabaseAlreadyOpen => BackendError::Unavailable(format!(
                "the store {name} is in use by another process; stop the running tstack first (`tstack status`)"
            )),
            DatabaseError::Storage(redb::StorageError::Io(io)) if io.kind() == std::io::ErrorKind::PermissionDenied => {
                BackendError::Unavailable(format!("the store {name} cannot be opened: {io}"))
            }
            e => damaged(&name, e),
        })?;
        Self::with_database(db, &name)
    }

    /// Opens a store on any storage; the crash tests bring one that loses and tears what was not synced.
    pub fn with_storage(storage: impl StorageBackend) -> Result<Self, BackendError> {
        let db = Database::builder().create_with_backend(storage).map_err(|e| damaged("(given storage)", e))?;
        Self::with_database(db, "(given storage)")
    }

    fn with_database(db: Database, name: &str) -> Result<Self, BackendError> {
        let revision = init(&db).map_err(|e| damaged(name, e))?;
        let feed = Feed { revision, ..Feed::default() };
        Ok(Self(Arc::new(Inner { db, feed: Mutex::new(feed), leases: Mutex::default() })))
    }

    async fn blocking<T: Send + 'static>(&self, f: impl FnOnce(&Inner) -> T + Send + 'static) -> T {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || f(&inner))
            .await
            .unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()))
    }
}

fn init(db: &Database) -> Result<Revision, redb::Error> {
    let write = db.begin_write()?;
    let revision = {
        write.open_table(KV)?;
        write.open_table(LAST)?;
        let mut meta = write.open_table(META)?;
        if meta.get("epoch")?.is_none() {
            meta.insert("epoch", 1)?;
            meta.insert("revision", 0)?;
        }
        meta.get("revision")?.map_or(0, |v| v.value())
    };
    write.commit()?;
    Ok(revision as Revision)
}

enum Failed {
    Conflict(String),
    Store(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Failed {
    fn from(e: E) -> Self {
        Self::Store(e.into())
    }
}

impl Inner {
    fn commit(&self, txn: &RawTxn) -> Result<Revision, CommitError> {
        let mut feed = self.feed.lock();
        let revision = feed.revision + 1;
        match self.write(txn, revision) {
            Ok(()) => {}
            Err(Failed::Conflict(key)) => return Err(CommitError::Conflict(Some(key))),
            Err(Failed::Store(e)) => return Err(CommitError::Unknown(e.to_string())),
        }
        feed.revision = revision;
        let events = txn.writes.iter().filter(|(key, _)| key.starts_with("o/")).cloned().collect();
        let batch = RawBatch { revision, events };
        feed.watchers.retain(|w| w.send(batch.clone()).is_ok());
        if feed.log.len() == KEPT_BATCHES {
            feed.log.pop_front();
        }
        feed.log.push_back(batch);
        Ok(revision)
    }

    fn write(&self, txn: &RawTxn, revision: Revision) -> Result<(), Failed> {
        let mut write = self.db.begin_write()?;
        write.set_durability(Durability::Immediate)?;
        {
            let mut kv = write.open_table(KV)?;
            for (key, expected) in &txn.compares {
                if kv.get(key.as_str())?.map_or(0, |v| v.value().0) != *expected {
                    return Err(Failed::Conflict(key.clone()));
                }
            }
            for (key, value) in &txn.writes {
                match value {
                    Some(value) => kv.insert(key.as_str(), (revision, value.as_slice()))?,
                    None => kv.remove(key.as_str())?,
                };
            }
            write.open_table(META)?.insert("revision", revision as u64)?;
            write.open_table(LAST)?.insert("tx", txn.id.as_str())?;
        }
        write.commit()?;
        Ok(())
    }

    fn load(&self) -> Result<Loaded, redb::Error> {
        let read = self.db.begin_read()?;
        let (kv, meta) = (read.open_table(KV)?, read.open_table(META)?);
        let number = |name| -> Result<u64, redb::Error> { Ok(meta.get(name)?.map_or(0, |v| v.value())) };
        let (epoch, revision) = (number("epoch")?, number("revision")? as Revision);
        let mut rows = Vec::new();
        for item in kv.range("o/".."o0")? {
            let (key, value) = item?;
            let (at, bytes) = value.value();
            rows.push(RawRow { key: key.value().to_owned(), value: bytes.to_vec(), revision: at });
        }
        Ok(Loaded { epoch, revision, rows })
    }

    fn settled(&self, id: &str) -> Result<Option<Revision>, redb::Error> {
        let read = self.db.begin_read()?;
        let last = read.open_table(LAST)?.get("tx")?.is_some_and(|v| v.value() == id);
        let revision = read.open_table(META)?.get("revision")?.map_or(0, |v| v.value());
        Ok(last.then_some(revision as Revision))
    }

    fn range(&self, from: &str, to: &str, limit: usize, descending: bool) -> Result<Vec<RawRow>, redb::Error> {
        let read = self.db.begin_read()?;
        let kv = read.open_table(KV)?;
        let range = kv.range(from..to)?;
        let row = |item: Result<(redb::AccessGuard<'_, &str>, redb::AccessGuard<'_, (i64, &[u8])>), _>| {
            let (key, value) = item?;
            let (at, bytes) = value.value();
            Ok(RawRow { key: key.value().to_owned(), value: bytes.to_vec(), revision: at })
        };
        if descending { range.rev().take(limit).map(row).collect() } else { range.take(limit).map(row).collect() }
    }

    fn trim(&self, from: &str, to: &str) -> Result<(), redb::Error> {
        let write = self.db.begin_write()?;
        write.open_table(KV)?.retain_in(from..to, |_, _| false)?;
        write.commit()?;
        Ok(())
    }
}

#[async_trait]
impl Backend for Redb {
    fn name(&self) -> &'static str {
        "redb"
    }

    async fn load(&self) -> Result<Loaded, BackendError> {
        self.blocking(|db| db.load().map_err(|e| damaged("file", e))).await
    }

    async fn commit(&self, txn: RawTxn) -> Result<Revision, CommitError> {
        self.blocking(move |db| db.commit(&txn)).await
    }

    async fn resolve(&self, id: &str) -> Option<Revision> {
        let id = id.to_owned();
        self.blocking(move |db| {
            // A failed commit of redb never happens later, so what is not there now is aborted for good.
            let found = db.settled(&id).ok().flatten();
            if let Some(revision) = found {
                db.feed.lock().revision = revision;
            }
            found
        })
        .await
    }

    async fn watch(&self, from: Revision) -> mpsc::Receiver<RawWatch> {
        let (out, receiver) = mpsc::channel(1024);
        let (sender, mut batches) = mpsc::unbounded_channel();
        let lost = {
            let mut feed = self.0.feed.lock();
            let oldest = feed.log.front().map_or(feed.revision + 1, |b| b.revision);
            for batch in feed.log.iter().filter(|b| b.revision > from) {
                let _ = sender.send(batch.clone());
            }
            feed.watchers.push(sender);
            from + 1 < oldest
        };
        tokio::spawn(async move {
            if lost && out.send(RawWatch::Lost).await.is_err() {
                return;
            }
            while let Some(batch) = batches.recv().await {
                if out.send(RawWatch::Batch(batch)).await.is_err() {
                    return;
                }
            }
        });
        receiver
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        Ok(self.0.feed.lock().revision)
    }

    async fn range(&self, from: &str, to: &str, limit: usize, descending: bool) -> Result<Vec<RawRow>, BackendError> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.blocking(move |db| db.range(&from, &to, limit, descending)).await.map_err(unavailable("reading the store"))
    }

    async fn trim(&self, from: &str, to: &str) -> Result<(), BackendError> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.blocking(move |db| db.trim(&from, &to)).await.map_err(unavailable("trimming the store"))
    }

    async fn lease(&self, name: &str, ttl: Duration) -> Result<(), BackendError> {
        self.0.leases.lock().insert(name.into(), std::time::Instant::now() + ttl);
        Ok(())
    }

    async fn leases(&self) -> Result<Vec<String>, BackendError> {
        let mut leases = self.0.leases.lock();
        leases.retain(|_, end| *end > std::time::Instant::now());
        Ok(leases.keys().cloned().collect())
    }
}
