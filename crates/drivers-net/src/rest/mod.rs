//! The region's network kept by an SDN controller behind an HTTP northbound of the shape of OpenDaylight's: Neutron's resources
//! as JSON, made with POST, replaced with PUT, deleted with DELETE, read with GET.
//!
//! ```text
//!   apply ─▶ render (resources) ─▶ journal (what differs) ─▶ northbound (tries, pauses) ─▶ controller
//!   dump  ─▶ northbound, all lists ─▶ journal.read ─▶ digests of what is still as it was put
//! ```
//!
//! Intent is durable in TStack's store and what was told is in the [`journal`], so nothing is lost with this process: the first
//! call after a start reads all that the controller holds, and only what differs is told. The controller's Neutron resources
//! are TStack's alone; what others make there is taken away like any drift.
//!
//! ## Why a bad controller ends as it should
//! - *Slow*: changes of one kind go out together, a few at a time, and each is waited for.
//! - *Drops requests or answers, fails, restarts*: tried again with growing pauses; in doubt, the resource is read before more is
//!   said about it. When it stays away the call fails at once, and the reconciler comes again.
//! - *Restarts empty, is changed by hand, acts on old words after new ones*: the next whole reading, every
//!   `network.resync_seconds`, shows what is not as it was put, and it is told again.
//!
//! One call at a time decides ([`RestBackend::turn`]), so what was read is not outdated by what another call tells meanwhile.

mod journal;
mod northbound;
pub mod render;

pub use northbound::RestConfig;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use journal::{At, Journal, Step};
use kernel::{Error, HostName, PortId, Result};
use network::{
    driver::{Change, Logical, LogicalKey, NetworkBackend},
    model::qos::RuleType,
};
use northbound::{Northbound, Outcome};
use parking_lot::Mutex;
use render::{Collection, Resource, resources};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    mem::{Discriminant, discriminant},
    sync::atomic::{AtomicBool, Ordering},
};

/// Objects told at the same time.
const AT_ONCE: usize = 8;
/// How often a resource may turn out to be otherwise than it seemed while one change is told.
const SURPRISES: usize = 4;

pub struct RestBackend {
    northbound: Northbound,
    journal: Mutex<Journal>,
    /// The controller was read since this process began.
    known: AtomicBool,
    turn: tokio::sync::Mutex<()>,
}

impl RestBackend {
    pub fn new(config: RestConfig) -> Result<Self> {
        Ok(Self {
            northbound: Northbound::new(config)?,
            journal: Mutex::default(),
            known: AtomicBool::new(false),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    /// Requests sent that change something at the controller.
    pub fn writes(&self) -> u64 {
        self.northbound.writes()
    }

    async fn read_all(&self) -> Result<()> {
        let mut all = Vec::new();
        for collection in Collection::EVERY {
            let bodies = self.northbound.list(collection.path(), &collection.many()).await?;
            all.extend(bodies.into_iter().map(|body| (collection, body)));
        }
        self.journal.lock().read(all);
        self.known.store(true, Ordering::Release);
        Ok(())
    }

    async fn change(&self, change: Change) -> Result<()> {
        match change {
            Change::Put(object) => self.put(&object).await,
            Change::Remove(key) => self.reduce(&key, &[]).await,
        }
    }

    async fn put(&self, object: &Logical) -> Result<()> {
        let (key, wanted) = (object.key(), resources(object));
        let missing = object.needs().into_iter().find(|needed| !self.journal.lock().has(needed));
        if let Some(missing) = missing {
            return Err(Error::conflict(format!("{key} cannot be put before {missing}")).with_code("MissingReference"));
        }
        for resource in &wanted {
            self.ensure(&key, resource).await?;
        }
        self.reduce(&key, &wanted).await?;
        self.journal.lock().put(&key, object.digest());
        Ok(())
    }

    /// Takes away what an object has besides these.
    async fn reduce(&self, key: &LogicalKey, wanted: &[Resource]) -> Result<()> {
        let leftovers = self.journal.lock().leftovers(key, wanted);
        for at in leftovers {
            if self.journal.lock().step_away(key, &at) == Step::Delete {
                self.journal.lock().doubt(key, &at);
                self.northbound.delete(at.0, &at.1).await?;
                self.journal.lock().settle(key, &at, None);
            }
        }
        Ok(())
    }

    /// Makes one resource what it shall be, however it is found to be.
    async fn ensure(&self, key: &LogicalKey, wanted: &Resource) -> Result<()> {
        let at: At = (wanted.collection, wanted.id.clone());
        for _ in 0..SURPRISES {
            let step = self.journal.lock().step(key, wanted);
            if step == Step::Nothing {
                return Ok(());
            }
            if step == Step::Read {
                let body = self.northbound.find(at.0, &at.1).await?;
                self.journal.lock().settle(key, &at, body);
                continue;
            }
            self.journal.lock().doubt(key, &at);
            let told = if step == Step::Create {
                self.northbound.create(wanted).await?
            } else {
                self.northbound.replace(wanted).await?
            };
            // What is there already, or is not, is known now: the next round says the other thing.
            match told {
                Outcome::Done => self.journal.lock().settle(key, &at, Some(Value::Object(wanted.body.clone()))),
                Outcome::Present => {}
                Outcome::Absent => self.journal.lock().settle(key, &at, None),
            }
        }
        let (path, id) = (wanted.collection.path(), &wanted.id);
        Err(Error::unavailable(format!("{path}/{id} comes and goes at the network controller")))
    }
}

/// Cuts changes where their order matters: what is done to objects of one kind, each once, may be told in any order.
fn together(changes: &[Change]) -> Vec<&[Change]> {
    let (mut parts, mut from, mut keys) = (Vec::new(), 0, BTreeSet::new());
    for (at, change) in changes.iter().enumerate() {
        let (kind, key) = sort_of(change);
        if sort_of(&changes[from]).0 != kind || keys.contains(&key) {
            parts.push(&changes[from..at]);
            (from, keys) = (at, BTreeSet::new());
        }
        keys.insert(key);
    }
    parts.push(&changes[from..]);
    parts
}

/// Whether something is put, what kind of object, and which.
fn sort_of(change: &Change) -> ((bool, Discriminant<LogicalKey>), LogicalKey) {
    let (put, key) = match change {
        Change::Put(object) => (true, object.key()),
        Change::Remove(key) => (false, key.clone()),
    };
    ((put, discriminant(&key)), key)
}

#[async_trait]
impl NetworkBackend for RestBackend {
    fn name(&self) -> &'static str {
        "rest"
    }

    fn enforces(&self) -> &'static [RuleType] {
        &[RuleType::BandwidthLimit, RuleType::DscpMarking, RuleType::MinimumBandwidth]
    }

    async fn apply(&self, changes: &[Change]) -> Result<()> {
        let _turn = self.turn.lock().await;
        if !self.known.load(Ordering::Acquire) {
            self.read_all().await?;
        }
        for part in together(changes) {
            stream::iter(part.to_vec())
                .map(|change| self.change(change))
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
        }
        Ok(())
    }

    async fn dump(&self) -> Result<BTreeMap<LogicalKey, u64>> {
        let _turn = self.turn.lock().await;
        self.read_all().await?;
        Ok(self.journal.lock().digests())
    }

    async fn port_up(&self, port: &PortId) -> Result<bool> {
        let found = self.northbound.find(Collection::Ports, port).await?;
        Ok(found.is_some_and(|port| port["status"] == "ACTIVE"))
    }

    /// OpenDaylight's host configurations: each switch's host writes its own.
    async fn hosts(&self) -> Result<Vec<(HostName, bool)>> {
        let hosts = self.northbound.list("hostconfigs", "hostconfigs").await?;
        let host = |h: &Value| Some((HostName::from(h["host-id"].as_str()?), h["alive"].as_bool().unwrap_or(true)));
        Ok(hosts.iter().filter_map(host).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::objects::{network, one_of_everything, put, remove};

    #[test]
    fn what_may_be_told_at_once() {
        let (a, b) = (network(), network());
        let lengths = |changes: &[Change]| together(changes).iter().map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&[put(a.clone()), put(b.clone())]), [2]);
        assert_eq!(lengths(&[put(a.clone()), remove(a.clone()), put(a.clone())]), [1, 1, 1]);
        assert_eq!(lengths(&[put(a.clone()), put(a.clone())]), [1, 1], "the last one counts");
        assert_eq!(lengths(&[put(a), remove(b)]), [1, 1]);
        assert_eq!(lengths(&[]), [0]);
        let all: Vec<_> = one_of_everything().into_iter().map(Change::Put).collect();
        assert_eq!(together(&all).concat(), all);
        assert!(lengths(&all).len() >= 8, "kinds wait for each other");
    }
}
