//! The back end of a cluster: etcd 3.4 or newer (Debian 12 has 3.4.23).
//!
//! ```text
//!   commit ──▶ one txn: compares · tx/<id> absent ──▶ writes · tx/<id> · o.head, in this order
//!   head   ──▶ one linearizable read of o.head
//!   watch  ──▶ one watcher over o. … o0: a revision is complete when its o.head is there
//! ```
//!
//! **Revisions** are etcd's, and have gaps: leases and markers count too. The one before a commit is the previous revision of
//! `o.head`, which the same txn returns.
//!
//! **Unknown outcomes.** `tx/<id>` and the abort marker in its place are bound to the same etcd lease, and etcd refuses a txn
//! whose lease has ended. So when the marker expires, the commit that it stands against can no longer arrive; and while it has
//! not expired, it decides. A process uses a lease for a minute, never renews it, and it lives for five; whoever has had no
//! answer from etcd for that long cannot learn the outcome any more, and must start anew ([`Backend::resolve`]).
//!
//! **A watch after a quiet time.** The revision it would resume at may be compacted, though nothing happened but leases. So it
//! first reads `o.head`: if that is what it has seen last, nothing was missed and it resumes at etcd's revision of that read.
//! Progress notifications are not needed (3.4 has races there: etcd#15220).
//!
//! **Members that are down, frozen or cut off.** One endpoint is used at a time, the first one first; whatever may be its fault
//! turns to the next. Requests demand a leader; connections are pinged; a silent watch is held against the head.

mod commit;
mod endpoints;
mod leases;
mod maintain;
mod read;
mod watch;

pub use maintain::{Health, Rhythm};

use super::{Backend, BackendError, CommitError, Committed, Loaded, RawRow, RawTxn, RawWatch};
use crate::{Revision, keys::Compare};
use async_trait::async_trait;
use endpoints::Endpoints;
use etcd_client::KeyValue;
use futures_util::stream::BoxStream;
use std::{sync::Arc, time::Duration};

/// What an etcd for this back end is started with, besides names and addresses.
pub const SERVER_FLAGS: &[&str] = &[
    "--max-txn-ops=4096",
    "--max-request-bytes=8388608",
    "--quota-backend-bytes=8589934592",
    "--auto-compaction-retention=0",
    "--heartbeat-interval=100",
    "--election-timeout=1000",
];
/// Of `SERVER_FLAGS`.
const QUOTA: i64 = 8 << 30;

/// Where etcd is. The first endpoint is the member's own, if it has one.
#[derive(Clone, Debug)]
pub struct EtcdConfig {
    /// `http://` or `https://` addresses of the members' client ports.
    pub endpoints: Vec<String>,
    pub tls: Option<EtcdTls>,
    /// How long one request may take before the next endpoint is asked.
    pub patience: Duration,
}

impl EtcdConfig {
    pub fn new(endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let endpoints = endpoints.into_iter().map(Into::into).collect();
        Self { endpoints, tls: None, patience: Duration::from_secs(3) }
    }
}

/// PEM texts: who signs the members, and who we are to them.
#[derive(Clone)]
pub struct EtcdTls {
    pub ca: String,
    pub certificate: String,
    pub key: String,
}

impl std::fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EtcdTls")
    }
}

/// Clones share the connections.
#[derive(Clone)]
pub struct Etcd(Arc<Inner>);

struct Inner {
    endpoints: Endpoints,
    outcomes: commit::Outcomes,
    leases: leases::Leases,
}

impl Etcd {
    /// Fails if an address or a certificate is malformed; whether anybody listens shows at the first request.
    pub async fn connect(config: &EtcdConfig) -> Result<Self, BackendError> {
        let endpoints = Endpoints::new(config).await?;
        Ok(Self(Arc::new(Inner {
            endpoints,
            outcomes: commit::Outcomes::default(),
            leases: leases::Leases::default(),
        })))
    }
}

fn raw_row(kv: &KeyValue) -> Option<RawRow> {
    let key = kv.key_str().ok()?.to_owned(); // ours are UTF-8
    Some(RawRow { key, value: bytes::Bytes::copy_from_slice(kv.value()), revision: kv.mod_revision() })
}

#[async_trait]
impl Backend for Etcd {
    fn name(&self) -> &'static str {
        "etcd"
    }

    fn shared(&self) -> bool {
        true
    }

    async fn load(&self) -> Result<Loaded, BackendError> {
        self.0.load().await
    }

    async fn commit(&self, txn: RawTxn) -> Result<Committed, CommitError> {
        self.0.commit(txn).await
    }

    async fn validate(&self, compares: &[Compare]) -> Result<Result<(), Revision>, BackendError> {
        self.0.validate(compares).await
    }

    async fn resolve(&self, id: &str) -> Result<Option<Revision>, BackendError> {
        self.0.resolve(id).await
    }

    fn watch(&self, from: Revision) -> BoxStream<'static, RawWatch> {
        watch::watch(Arc::clone(&self.0), from)
    }

    async fn head(&self) -> Result<Revision, BackendError> {
        Ok(self.0.read_head().await?.revision)
    }

    async fn range(&self, from: &str, to: &str, limit: usize, descending: bool) -> Result<Vec<RawRow>, BackendError> {
        self.0.range(from, to, limit, descending).await
    }

    async fn trim(&self, from: &str, to: &str) -> Result<(), BackendError> {
        self.0.trim(from, to).await
    }

    async fn lease(&self, name: &str, ttl: Duration) -> Result<(), BackendError> {
        self.0.take_lease(name, ttl).await
    }

    async fn leases(&self) -> Result<Vec<String>, BackendError> {
        self.0.live_leases().await
    }
}
