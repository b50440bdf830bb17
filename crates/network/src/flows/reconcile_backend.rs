//! The back end made to hold what the store says.
//!
//! ```text
//!              batches          keys             objects, digests        changes
//!   store watch ─────▶ affected ────▶ desired(snapshot) ────▶ compared ─────────▶ apply ──▶ mirror ──▶ who waits
//!        │ Reset, start, every resync_seconds                    ▲
//!        └──────────▶ dump of the back end, all desired ─────────┘   differences found here are *drift*
//! ```
//!
//! One task, so changes go out in order. What is computed is always of the newest snapshot, so a change that comes late or
//! twice does no harm, and a burst of changes to one object is one change. Order within a round: first what nothing refers to
//! is removed (floating IPs, interfaces, ports, routers), then all is put, referred-to first, then what is referred to is
//! removed (groups, subnets, networks). So no object ever names one that is not there, and a floating address or MAC address
//! is free before its next owner comes.
//!
//! If a round fails, its changes are tried one by one: an object that the back end cannot take is noted, counted and tried again
//! each round, and holds no other back.

use super::Mirror;
use crate::{
    Network, Settings,
    driver::{Change, Logical, LogicalKey, NetworkBackend},
    model::{
        self, AddressGroup, FloatingIp, Port, Router, SecurityGroup, SecurityGroupRule, Subnet,
        logical::{affected, all, desired},
    },
};
use async_trait::async_trait;
use flow::Reconciler;
use kernel::{Clock, Error, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use store::{Batch, Object, Snapshot, Store, Watch, WatchItem};
use tokio::sync::Mutex;

/// Changes told to the back end at once.
const ROUND: usize = 512;
/// Comparisons from one computation of everything to the next.
const AFRESH: u32 = 30;

pub struct ReconcileBackend {
    store: Store,
    backend: Arc<dyn NetworkBackend>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    mirror: Arc<Mirror>,
    progress: Mutex<Progress>,
}

struct Progress {
    watch: Watch,
    /// Keys not settled yet.
    dirty: BTreeSet<LogicalKey>,
    /// Digests of all that the back end should hold, but for what is dirty. Kept, because computing them all is most of what a
    /// comparison costs; computed anew every [`AFRESH`] comparisons, for what [`affected`] may have missed.
    wanted: BTreeMap<LogicalKey, u64>,
    comparisons: u32,
    /// Monotonic time of the last full comparison.
    compared: Option<Duration>,
}

impl ReconcileBackend {
    pub fn new(net: &Network, clock: Arc<dyn Clock>) -> Self {
        let store = net.store().clone();
        let progress = Progress {
            watch: store.watch(),
            dirty: BTreeSet::new(),
            wanted: BTreeMap::new(),
            comparisons: 0,
            compared: None,
        };
        Self {
            store,
            backend: Arc::clone(net.backend()),
            settings: net.settings().clone(),
            clock,
            mirror: Arc::clone(net.mirror()),
            progress: Mutex::new(progress),
        }
    }

    fn every(&self) -> Duration {
        Duration::from_secs(self.settings.resync_seconds.max(1))
    }

    /// Takes what the watch has; true if everything must be looked at.
    fn drain(&self, progress: &mut Progress) -> bool {
        let mut everything = false;
        while let Some(item) = progress.watch.try_next() {
            match item {
                WatchItem::Batch(batch) => progress.dirty.extend(affected(&batch, &self.store.snapshot())),
                WatchItem::Reset(_) => everything = true,
            }
        }
        everything
    }

    /// Compares all that the back end holds with all that it should, and leaves the differences in `dirty`.
    async fn compare_all(&self, progress: &mut Progress, first: bool) -> Result<()> {
        let held = self.backend.dump().await?;
        let snapshot = self.store.snapshot();
        let lost = self.drain(progress);
        if first || lost || progress.comparisons.is_multiple_of(AFRESH) {
            progress.wanted = all(&snapshot, &self.settings).iter().map(|o| (o.key(), o.digest())).collect();
        }
        progress.comparisons = progress.comparisons.wrapping_add(1);
        let wanted = &progress.wanted;
        // What is dirty anyway is on its way; other differences were made by somebody else.
        let differs = |key: &&LogicalKey| held.get(*key) != wanted.get(*key);
        let different: BTreeSet<_> = held.keys().chain(wanted.keys()).filter(differs).cloned().collect();
        let known: BTreeSet<_> = self.mirror.refusals().into_iter().collect();
        let drift: Vec<_> = different.iter().filter(|k| !progress.dirty.contains(*k) && !known.contains(*k)).collect();
        if !first && !drift.is_empty() {
            let sample: Vec<_> = drift.iter().take(8).map(ToString::to_string).collect();
            tracing::warn!(
                backend = self.backend.name(),
                objects = drift.len(),
                ?sample,
                "the network drifted; mending it"
            );
            self.mirror.drifted(drift.len());
        }
        self.mirror.replace(held);
        progress.dirty.extend(different);
        progress.compared = Some(self.clock.monotonic());
        Ok(())
    }

    /// Settles what is dirty. The order is that of all changes together, so they are put in order before they are cut into
    /// rounds.
    async fn settle(&self, progress: &mut Progress) {
        let snapshot = self.store.snapshot();
        let keys = std::mem::take(&mut progress.dirty);
        let changes = self.changes(&snapshot, &keys, &mut progress.wanted);
        for round in changes.chunks(ROUND) {
            if let Err(error) = self.apply(round).await {
                self.one_by_one(round, &error).await;
            }
            self.mirror.changed();
        }
        self.mirror.changed();
    }

    /// What must be told to the back end about these keys, in order.
    fn changes(
        &self,
        snapshot: &Snapshot,
        keys: &BTreeSet<LogicalKey>,
        wanted: &mut BTreeMap<LogicalKey, u64>,
    ) -> Vec<Told> {
        let mut told = Vec::new();
        for key in keys {
            let desired = desired(snapshot, &self.settings, key).map(|object| (object.digest(), object));
            match &desired {
                Some((digest, _)) => drop(wanted.insert(key.clone(), *digest)),
                None => drop(wanted.remove(key)),
            }
            match desired {
                Some((digest, object)) if self.mirror.digest(key) != Some(digest) => {
                    told.push(Told::Put { key: key.clone(), object, digest });
                }
                None if self.mirror.digest(key).is_some() => told.push(Told::Remove(key.clone())),
                Some(_) | None => {}
            }
        }
        told.sort_by(|a, b| a.turn().cmp(&b.turn()));
        told
    }

    async fn apply(&self, told: &[Told]) -> Result<()> {
        if told.is_empty() {
            return Ok(());
        }
        let changes: Vec<_> = told.iter().map(Told::change).collect();
        self.backend.apply(&changes).await?;
        told.iter().for_each(|t| t.remember(&self.mirror));
        Ok(())
    }

    async fn one_by_one(&self, told: &[Told], error: &Error) {
        tracing::debug!(error = %error.internal_text(), "a round failed; trying its changes one by one");
        for one in told {
            if let Err(error) = self.apply(std::slice::from_ref(one)).await {
                let why = error.internal_text();
                tracing::warn!(object = %one.key(), error = why, "the network back end did not take an object");
                self.mirror.refuse(one.key().clone(), why);
            }
        }
    }
}

/// One change with what to remember once it is made.
enum Told {
    Put { key: LogicalKey, object: Logical, digest: u64 },
    Remove(LogicalKey),
}

impl Told {
    fn key(&self) -> &LogicalKey {
        match self {
            Self::Put { key, .. } | Self::Remove(key) => key,
        }
    }

    fn change(&self) -> Change {
        match self {
            Self::Put { object, .. } => Change::Put(object.clone()),
            Self::Remove(key) => Change::Remove(key.clone()),
        }
    }

    fn remember(&self, mirror: &Mirror) {
        match self {
            Self::Put { key, digest, .. } => mirror.put(key.clone(), *digest),
            Self::Remove(key) => mirror.removed(key),
        }
    }

    /// Its place in a round; see the chapter.
    fn turn(&self) -> (u8, Result<&LogicalKey, std::cmp::Reverse<&LogicalKey>>) {
        match self {
            Self::Put { key, .. } => (1, Ok(key)),
            Self::Remove(key) => {
                let referred_to =
                    matches!(key, LogicalKey::Network(_) | LogicalKey::Subnet(_) | LogicalKey::SecurityGroup(_));
                (if referred_to { 2 } else { 0 }, Err(std::cmp::Reverse(key)))
            }
        }
    }
}

#[async_trait]
impl Reconciler for ReconcileBackend {
    fn name(&self) -> &'static str {
        "network.backend"
    }

    fn interval(&self) -> Duration {
        self.every()
    }

    fn wants(&self, batch: &Batch) -> bool {
        const KINDS: [&str; 12] = [
            model::Network::KIND,
            Subnet::KIND,
            Port::KIND,
            Router::KIND,
            FloatingIp::KIND,
            SecurityGroup::KIND,
            SecurityGroupRule::KIND,
            AddressGroup::KIND,
            model::QosPolicy::KIND,
            model::PortForwarding::KIND,
            model::NdpProxy::KIND,
            model::Log::KIND,
        ];
        batch.events.iter().any(|e| KINDS.contains(&e.kind))
    }

    async fn reconcile(&self) -> Result<()> {
        let mut progress = self.progress.lock().await;
        let lost = self.drain(&mut progress);
        let now = self.clock.monotonic();
        let due = progress.compared.is_none_or(|at| now.saturating_sub(at) >= self.every());
        if lost || due {
            let first = lost || progress.compared.is_none();
            self.compare_all(&mut progress, first).await?;
        }
        progress.dirty.extend(self.mirror.refusals());
        self.settle(&mut progress).await;
        let refused = self.mirror.refusals();
        match refused.first() {
            None => Ok(()),
            Some(key) => Err(Error::unavailable(format!("{} objects wait for the network back end", refused.len()))
                .with_internal(self.mirror.refusal(key).unwrap_or_default())),
        }
    }
}
