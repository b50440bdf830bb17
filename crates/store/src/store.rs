//! The handle that everybody holds.

use crate::{
    Backend, Revision, Schema, Snapshot, Stats, Tx, Watch,
    archive::HistoryArchive,
    backend::{BackendError, CommitError, RawTxn},
    head::HeadReads,
    keys, log,
    runner::{Job, Runner, TypedJob},
    watch::Ring,
};
use arc_swap::ArcSwap;
use kernel::{Error, Result};
use parking_lot::Mutex;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Cheap to clone. Ends, with its runner, when the last clone is dropped.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    backend: Arc<dyn Backend>,
    pub(crate) published: ArcSwap<Snapshot>,
    pub(crate) revisions: watch::Sender<Revision>,
    pub(crate) ring: Mutex<Ring>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) heads: HeadReads,
    pub(crate) archive: OnceLock<HistoryArchive>,
    /// Why this process no longer follows the log.
    failure: watch::Sender<Option<String>>,
    queue: mpsc::Sender<Box<dyn Job>>,
}

impl Shared {
    pub(crate) fn fail(&self, why: &BackendError) {
        self.failure.send_replace(Some(why.to_string()));
    }
}

/// Transactions waiting to run; a caller beyond that waits for a place.
const QUEUE: usize = 4096;
/// How long a reader waits for this member to reach a revision that the cluster has.
const PATIENCE: Duration = Duration::from_secs(5);

impl Store {
    /// Loads all objects and starts the runner. Fails if the back end cannot be read, or holds a value that is damaged. An empty
    /// back end becomes a new store.
    pub async fn open(backend: impl Backend, schema: Schema) -> Result<Self, BackendError> {
        let (backend, schema): (Arc<dyn Backend>, _) = (Arc::new(backend), Arc::new(schema));
        let snapshot = match log::read_all(&schema, &backend.load().await?)? {
            Some(snapshot) => snapshot,
            None => found(&*backend, &schema).await?,
        };
        let (queue, jobs) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared {
            heads: HeadReads::new(Arc::clone(&backend)),
            backend: Arc::clone(&backend),
            published: ArcSwap::from_pointee(snapshot.clone()),
            revisions: watch::channel(snapshot.revision).0,
            ring: Mutex::new(Ring::starting_at(snapshot.revision)),
            stats: Arc::default(),
            archive: OnceLock::new(),
            failure: watch::channel(None).0,
            queue,
        });
        tokio::spawn(Runner::new(backend, &shared, snapshot).run(jobs));
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

    /// A state not older than this call, by a linearizable read of the log's head.
    pub async fn read(&self) -> Result<Snapshot> {
        self.fresh_within(Duration::ZERO).await
    }

    /// A state that was the newest at some moment within the last `age`, or is waited for.
    pub async fn fresh_within(&self, age: Duration) -> Result<Snapshot> {
        self.refuse_if_failed()?;
        if let Some(revision) = self.0.heads.confirmed_within(age)
            && let snapshot = self.snapshot()
            && snapshot.revision() >= revision
        {
            return Ok(snapshot);
        }
        let gone = |e: BackendError| Error::unavailable("the store cannot be read now").with_source(e);
        let head = tokio::time::timeout(PATIENCE, self.0.heads.read()).await;
        let head = head.map_err(|_| Error::unavailable("the store did not answer in time"))?.map_err(gone)?;
        self.wait_for(head, PATIENCE).await
    }

    /// Waits until this member has reached a revision.
    pub async fn wait_for(&self, revision: Revision, patience: Duration) -> Result<Snapshot> {
        let mut revisions = self.0.revisions.subscribe();
        let reached = tokio::time::timeout(patience, revisions.wait_for(|at| *at >= revision)).await;
        self.refuse_if_failed()?;
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
    /// conflicts, for instance `compute.server.create`. Who drops the future before the closure has run takes the transaction
    /// back; later it may be committed or not.
    pub async fn transact<R: Send + 'static>(
        &self,
        label: &'static str,
        closure: impl FnMut(&mut Tx) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(TypedJob { label, closure, result: None, reply });
        let answered = match self.0.queue.send(job).await {
            Ok(()) => answer.await.ok(),
            Err(_) => None,
        };
        answered.unwrap_or_else(|| {
            self.refuse_if_failed()?;
            Err(Error::unavailable("the store is shutting down"))
        })
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

    /// Waits until this store can no longer follow its log, and says why. The process must then stop: it serves no reads, takes
    /// no writes, and only a start brings it back.
    pub async fn failed(&self) -> String {
        let mut failure = self.0.failure.subscribe();
        let why = failure.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        match why {
            Some(why) => why,
            None => std::future::pending().await, // the store was closed in good order
        }
    }

    fn refuse_if_failed(&self) -> Result<()> {
        match &*self.0.failure.borrow() {
            None => Ok(()),
            Some(why) => Err(Error::unavailable("the store of this member has failed").with_internal(why.clone())),
        }
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.0.backend
    }

    pub(crate) fn ring(&self) -> parking_lot::MutexGuard<'_, Ring> {
        self.0.ring.lock()
    }
}

/// Makes a new store of an empty back end. If another member is faster, that one's store is taken.
async fn found(backend: &dyn Backend, schema: &Arc<Schema>) -> Result<Snapshot, BackendError> {
    let txn = RawTxn {
        id: kernel::ids::uuid_hex().to_string(),
        compares: vec![(keys::FORMAT.into(), 0)],
        writes: vec![
            (keys::EPOCH.into(), Some(keys::number_value(1))),
            (keys::FORMAT.into(), Some(keys::number_value(schema.format.into()))),
        ],
    };
    match backend.commit(txn).await {
        Ok(_) | Err(CommitError::Conflict { .. } | CommitError::Unknown(_)) => {}
        Err(e) => return Err(BackendError::Unavailable(format!("making a new store: {e}"))),
    }
    let none = || BackendError::Unavailable("a new store could not be made; try again".into());
    log::read_all(schema, &backend.load().await?)?.ok_or_else(none)
}
