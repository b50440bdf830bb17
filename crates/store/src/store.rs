//! The handle that everybody holds.

use crate::{
    Backend, Revision, Schema, Snapshot, Stats, Tx, Watch,
    backend::{BackendError, Loaded},
    object::{KindInfo, Row, RowVersion, split_key},
    runner::{Job, Runner, TypedJob},
    watch::Ring,
};
use arc_swap::ArcSwap;
use kernel::{Error, Result};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot, watch};

/// Cheap to clone. Ends, with its runner, when the last clone is dropped.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    backend: Arc<dyn Backend>,
    pub(crate) published: ArcSwap<Snapshot>,
    pub(crate) revisions: watch::Sender<Revision>,
    pub(crate) ring: Mutex<Ring>,
    pub(crate) stats: Stats,
    queue: mpsc::Sender<Box<dyn Job>>,
}

/// Transactions waiting to run; a caller beyond that waits for a place.
const QUEUE: usize = 4096;

impl Store {
    /// Loads all objects and starts the runner. Fails if the back end cannot be read, or holds a value that is damaged.
    pub async fn open(backend: impl Backend, schema: Schema) -> Result<Self, BackendError> {
        let (backend, schema): (Arc<dyn Backend>, _) = (Arc::new(backend), Arc::new(schema));
        let loaded = backend.load().await?;
        let revision = loaded.revision;
        let snapshot = read_all(Arc::clone(&schema), loaded)?;
        let feed = backend.watch(revision).await;
        let (queue, jobs) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared {
            backend: Arc::clone(&backend),
            published: ArcSwap::from_pointee(snapshot.clone()),
            revisions: watch::channel(revision).0,
            ring: Mutex::new(Ring::starting_at(revision)),
            stats: Stats::default(),
            queue,
        });
        let runner = Runner::new(backend, Arc::downgrade(&shared), snapshot);
        tokio::spawn(runner.run(jobs, feed));
        Ok(Self(shared))
    }

    /// An empty store in memory, for tests.
    pub async fn in_memory(schema: Schema) -> Self {
        match Self::open(crate::Memory::new(), schema).await {
            Ok(store) => store,
            Err(e) => unreachable!("an empty memory store always opens: {e}"),
        }
    }

    /// The newest durable state this member knows. On one node that is the newest there is.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::clone(&self.0.published.load())
    }

    /// A state not older than this call, by a linearizable read of the back end's head.
    pub async fn read(&self) -> Result<Snapshot> {
        let gone = |e: BackendError| Error::unavailable("the store cannot be read now").with_source(e);
        let head = self.0.backend.head().await.map_err(gone)?;
        self.wait_for(head, Duration::from_secs(5)).await
    }

    /// Waits until this member has reached a revision.
    pub async fn wait_for(&self, revision: Revision, patience: Duration) -> Result<Snapshot> {
        let mut revisions = self.0.revisions.subscribe();
        let reached = tokio::time::timeout(patience, revisions.wait_for(|at| *at >= revision)).await;
        match reached {
            Ok(Ok(_)) => Ok(self.snapshot()),
            _ => Err(Error::unavailable("this member has fallen behind the cluster; try again")
                .with_internal(format!("waiting for revision {revision}, at {}", self.snapshot().revision()))),
        }
    }

    /// Runs a closure as one transaction and returns its result once it is durable.
    ///
    /// The closure is synchronous and pure over what it reads and captures, for it may run several times. Its error ends the
    /// transaction, nothing is written, and the error is returned when what it rests on is durable. `label` counts
    /// conflicts, for instance `compute.server.create`.
    pub async fn transact<R: Send + 'static>(
        &self,
        label: &'static str,
        closure: impl FnMut(&mut Tx) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(TypedJob { label, closure, result: None, reply: Some(reply) });
        let stopped = || Error::unavailable("the store is shutting down");
        self.0.queue.send(job).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Follows the log from now on.
    pub fn watch(&self) -> Watch {
        let revisions = self.0.revisions.subscribe();
        let snapshot = self.snapshot();
        Watch { store: self.clone(), epoch: snapshot.epoch, at: snapshot.revision, revisions }
    }

    /// Follows the log from a cursor; one of another epoch, or too old, begins with a `Reset`.
    pub fn watch_from(&self, (epoch, at): (u64, Revision)) -> Watch {
        Watch { store: self.clone(), epoch, at, revisions: self.0.revisions.subscribe() }
    }

    pub fn stats(&self) -> &Stats {
        &self.0.stats
    }

    pub fn backend_name(&self) -> &'static str {
        self.0.backend.name()
    }

    /// Takes or renews a lease of the back end; see [`Backend::lease`].
    pub async fn lease(&self, name: &str, ttl: Duration) -> Result<(), BackendError> {
        self.0.backend.lease(name, ttl).await
    }

    pub async fn leases(&self) -> Result<Vec<String>, BackendError> {
        self.0.backend.leases().await
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.0.backend
    }

    pub(crate) fn ring(&self) -> parking_lot::MutexGuard<'_, Ring> {
        self.0.ring.lock()
    }
}

pub(crate) fn read_all(schema: Arc<Schema>, loaded: Loaded) -> Result<Snapshot, BackendError> {
    let mut snapshot = Snapshot::empty(Arc::clone(&schema), loaded.epoch, loaded.revision);
    for raw in loaded.rows {
        let Some((slot, key)) = split_key(&raw.key).and_then(|(kind, id)| Some((schema.slot_named(kind)?, id))) else {
            continue; // a kind of a newer program: not ours to read, nor to touch
        };
        let row = decode_row(&schema.kinds[slot], &raw.key, &raw.value, raw.revision)?;
        snapshot.set(slot, &key.into(), Some(row));
    }
    Ok(snapshot)
}

pub(crate) fn decode_row(info: &KindInfo, key: &str, value: &[u8], revision: Revision) -> Result<Row, BackendError> {
    let (value, unknown) = (info.decode)(value).map_err(|e| {
        BackendError::Corrupt(format!(
            "the value at {key} cannot be read by this program (schema version {}): {e}; nothing was changed: start the \
             version of tstack that wrote it, or restore a backup",
            info.version
        ))
    })?;
    Ok(Row { value, version: RowVersion::Durable(revision), unknown })
}
