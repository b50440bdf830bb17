//! The embedded back end of a single node: one file, one process, one fsync per commit.
//!
//! Three tables: `kv` (key → revision, value), `meta` (`epoch`, `revision`) and `last` (the id of the last commit, which settles
//! a commit that failed half-way without growing a `tx/` row per commit). The file is locked by redb, so a second process is
//! refused; a damaged file is refused with what to do and never recreated.

use super::{
    Backend, BackendError, CommitError, Committed, Loaded, RawRow, RawTxn, RawWatch,
    local::{Feed, Leases, Outcomes},
};
use crate::{
    Revision,
    keys::{self, Compare},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use redb::{Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use std::{path::Path, sync::Arc, time::Duration};

const KV: TableDefinition<'_, &str, (i64, &[u8])> = TableDefinition::new("kv");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const LAST: TableDefinition<'_, &str, &str> = TableDefinition::new("last");

#[derive(Clone)]
pub struct Redb(Arc<Inner>);

struct Inner {
    db: Database,
    /// Commits come one at a time; the lock also orders the batches for watchers.
    feed: Mutex<Feed>,
    outcomes: Mutex<Outcomes>,
    leases: Mutex<Leases>,
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
        let feed = Mutex::new(Feed::starting_at(revision));
        Ok(Self(Arc::new(Inner { db, feed, outcomes: Mutex::default(), leases: Mutex::default() })))
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
        let meta = write.open_table(META)?;
        meta.get("revision")?.map_or(0, |v| v.value())
    };
    write.commit()?;
    Ok(revision as Revision)
}

enum Failed {
    Conflict,
    Store(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for Failed {
    fn from(e: E) -> Self {
        Self::Store(e.into())
    }
}

impl Inner {
    fn commit(&self, txn: &RawTxn) -> Result<Committed, CommitError> {
        let mut feed = self.feed.lock();
        self.outcomes.lock().check(&txn.id)?;
        match self.write(txn, feed.revision + 1) {
            Ok(()) => {}
            Err(Failed::Conflict) => return Err(CommitError::Conflict { at: feed.revision }),
            Err(Failed::Store(e)) => return Err(CommitError::Unknown(e.to_string())),
        }
        let committed = feed.committed(txn);
        self.outcomes.lock().note(&txn.id, Some(committed.revision));
        Ok(committed)
    }

    fn write(&self, txn: &RawTxn, revision: Revision) -> Result<(), Failed> {
        let mut write = self.db.begin_write()?;
        write.set_durability(Durability::Immediate)?;
        {
            let mut kv = write.open_table(KV)?;
            for (key, expected) in &txn.compares {
                if kv.get(key.as_str())?.map_or(0, |v| v.value().0) != *expected {
                    return Err(Failed::Conflict);
                }
            }
            for (key, value) in &txn.writes {
                match value {
                    Some(value) => kv.insert(key.as_str(), (revision, &value[..]))?,
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
        let revision = meta.get("revision")?.map_or(0, |v| v.value()) as Revision;
        let mut rows = Vec::new();
        for item in kv.range(keys::LOG)? {
            let (key, value) = item?;
            let (at, bytes) = value.value();
            rows.push(RawRow { key: key.value().to_owned(), value: Bytes::copy_from_slice(bytes), revision: at });
        }
        Ok(Loaded { revision, rows })
    }

    fn validate(&self, compares: &[Compare]) -> Result<Result<(), Revision>, redb::Error> {
        let feed = self.feed.lock();
        let kv = self.db.begin_read()?.open_table(KV)?;
        for (key, expected) in compares {
            if kv.get(key.as_str())?.map_or(0, |v| v.value().0) != *expected {
                return Ok(Err(feed.revision));
            }
        }
        Ok(Ok(()))
    }

    fn range(&self, from: &str, to: &str, limit: usize, descending: bool) -> Result<Vec<RawRow>, redb::Error> {
        let read = self.db.begin_read()?;
        let kv = read.open_table(KV)?;
        let range = kv.range(from..to)?;
        let row = |item: Result<(redb::AccessGuard<'_, &str>, redb::AccessGuard<'_, (i64, &[u8])>), _>| {
            let (key, value) = item?;
            let (at, bytes) = value.value();
            Ok(RawRow { key: key.value().to_owned(), value: Bytes::copy_from_slice(bytes), revision: at })
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

    fn shared(&self) -> bool {
        false
    }

    async fn load(&self) -> Result<Loaded, BackendError> {
        self.blocking(|db| db.load().map_err(|e| damaged("file", e))).await
    }

    async fn commit(&self, txn: RawTxn) -> Result<Committed, CommitError> {
        self.blocking(move |db| db.commit(&txn)).await
    }

    async fn validate(&self, compares: &[Compare]) -> Result<Result<(), Revision>, BackendError> {
        let compares = compares.to_vec();
        self.blocking(move |db| db.validate(&compares)).await.map_err(unavailable("reading the store"))
    }

    async fn resolve(&self, id: &str) -> Result<Option<Revision>, BackendError> {
        Ok(self.0.outcomes.lock().settle(id))
    }

    fn watch(&self, from: Revision) -> BoxStream<'static, RawWatch> {
        self.0.feed.lock().watch(from)
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
        self.0.leases.lock().take(name, ttl)
    }

    async fn leases(&self) -> Result<Vec<String>, BackendError> {
        Ok(self.0.leases.lock().alive())
    }
}
