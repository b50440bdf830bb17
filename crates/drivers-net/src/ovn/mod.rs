//! The network of a region in OVN: the northbound database holds what is wanted, OVN's northd and a controller on each host
//! make it so.
//!
//! ```text
//!   Change ──translate──▶ Draft (rows, places) ──plan against the replica──▶ operations ──one transaction──▶ northbound
//!                                                       ▲                                                      │
//!                                                       └────────────── replica ◀──────── monitor ─────────────┘
//! ```
//!
//! Translation and planning are pure. The database is the only state: nothing is remembered here that the replica does
//! not show, so several members may write, and one that was away plans from what is there.
//!
//! Invariants
//! - A row's uuid follows from its meaning (`names`), and what an object owns carries the object's key: what is ours can be
//!   told from what is not, and nothing that is not ours is touched.
//! - A batch is one transaction (or several, if it is large): a port and its membership in its groups appear together.
//! - Two writers do no harm: rows of the same uuid collide, the loser plans again from a replica that shows the winner's.
//! - What belongs to no object (the drop group, the gateways' hosts) is repaired by every `apply` and `dump`, and by a task
//!   that follows the hosts.

mod dhcp;
mod draft;
mod dump;
mod gateway;
mod liveness;
mod names;
mod plan;
mod tables;
pub mod trace;
mod translate;

use crate::ovsdb::{Client, Condition, Config, Endpoint, Error as DbError, Monitored, Mutation, Mutator, Op, Replica};
use async_trait::async_trait;
use kernel::{Clock, HostName, PortId, Result};
use liveness::Liveness;
use network::{
    driver::{Change, LQos, LogicalKey, NetworkBackend},
    model::qos::RuleType,
    why::{Frame, Trace},
};
use parking_lot::Mutex;
use plan::Wishes;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::interval};

pub use names::short_hash;
pub use translate::METADATA_ADDRESS;

/// How often hosts are asked to show that they keep up.
const ROUND: Duration = Duration::from_secs(20);
/// Objects a transaction; more are cut into several, in order.
const BATCH: usize = 500;
/// Lost races, leader changes and broken connections in a row before the caller hears of them.
const TRIES: usize = 5;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FloatingIps {
    /// Translated where the router's gateway is.
    #[default]
    Centralized,
    /// Translated on the guest's own host; every such host must reach the external network.
    Distributed,
}

/// What operators may choose.
#[derive(Clone, Debug)]
pub struct Settings {
    pub floating_ips: FloatingIps,
    pub dhcp_lease: Duration,
    /// How often hosts that could carry a gateway show each other that they are there; three in a row that do not come make
    /// another one the carrier.
    pub heartbeat: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            floating_ips: FloatingIps::default(),
            dhcp_lease: Duration::from_secs(12 * 3600),
            heartbeat: Duration::from_millis(150),
        }
    }
}

pub struct OvnConfig {
    pub northbound: Vec<Endpoint>,
    pub southbound: Vec<Endpoint>,
    pub settings: Settings,
    pub clock: Arc<dyn Clock>,
}

struct Shared {
    northbound: Client,
    southbound: Client,
    traced: Vec<Endpoint>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    liveness: Mutex<Liveness>,
    transactions: AtomicU64,
    /// One writer at a time in this process: the next one plans from a replica that shows what the last one wrote.
    writing: tokio::sync::Mutex<()>,
}

pub struct OvnBackend {
    shared: Arc<Shared>,
    upkeep: JoinHandle<()>,
}

impl Drop for OvnBackend {
    fn drop(&mut self) {
        self.upkeep.abort();
    }
}

impl OvnBackend {
    /// Starts connecting; calls wait for the databases as long as their deadline allows.
    pub fn start(config: OvnConfig) -> Self {
        let leader_only = config.northbound.len() > 1;
        let northbound = Client::start(Config {
            leader_only,
            monitored: tables::monitored(),
            indexes: tables::indexes(),
            ..Config::new("OVN_Northbound", config.northbound)
        });
        let traced = config.southbound.clone();
        let southbound = Client::start(Config {
            monitored: vec![
                Monitored { table: "SB_Global", columns: &["nb_cfg"] },
                Monitored { table: "Chassis", columns: &["name", "hostname", "other_config", "external_ids"] },
                Monitored { table: "Chassis_Private", columns: &["name", "nb_cfg"] },
            ],
            ..Config::new("OVN_Southbound", config.southbound)
        });
        let (settings, clock) = (config.settings, config.clock);
        let (liveness, transactions, writing) = (Mutex::default(), AtomicU64::new(0), tokio::sync::Mutex::default());
        let shared =
            Arc::new(Shared { northbound, southbound, traced, settings, clock, liveness, transactions, writing });
        let upkeep = tokio::spawn(keep_up(shared.clone()));
        Self { shared, upkeep }
    }

    /// How many transactions with changes were sent to the northbound database.
    pub fn transactions(&self) -> u64 {
        self.shared.transactions.load(Ordering::Relaxed)
    }

    /// Waits until both databases were read.
    pub async fn ready(&self, limit: Duration) -> Result<()> {
        self.shared.northbound.ready(limit).await?;
        Ok(self.shared.southbound.ready(limit).await?)
    }
}

impl Shared {
    /// Makes the database hold what is wished and what belongs to no object.
    async fn write(&self, wishes: impl Fn() -> Wishes) -> Result<()> {
        let _one = self.writing.lock().await;
        self.transact(|replica| {
            let mut wishes = wishes();
            let drop = translate::drop_group();
            wishes.insert(drop.key.clone(), Some(drop));
            plan::plan(replica, wishes)
        })
        .await?;
        self.transact(|replica| Ok(gateway::heartbeats(replica, self.settings.heartbeat))).await?;
        let chassis = self.carriers();
        self.transact(|replica| {
            let drafts = gateway::drafts(replica, &chassis).into_iter();
            plan::plan(replica, drafts.map(|d| (d.key.clone(), Some(d))).collect())
        })
        .await
    }

    /// Plans and commits; plans again if somebody else was quicker or the connection broke: a plan that was carried out
    /// after all plans to nothing.
    async fn transact(&self, plan: impl Fn(&Replica) -> Result<Vec<Op>>) -> Result<()> {
        let mut tries = 1;
        loop {
            self.northbound.ready(Duration::from_secs(30)).await?;
            let mut changes = self.northbound.changes();
            changes.borrow_and_update();
            let ops = plan(&self.northbound.replica())?;
            if ops.is_empty() {
                return Ok(());
            }
            self.transactions.fetch_add(1, Ordering::Relaxed);
            let error = match self.northbound.transact(&ops).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if tries == TRIES || !error.is_passing() {
                return Err(error.into());
            }
            tracing::debug!(%error, tries, "planning a change of the northbound database again");
            tries += 1;
            if matches!(error, DbError::Refused { .. }) {
                // What was in the way is on its way into the replica, if it is not there already.
                let _ = tokio::time::timeout(Duration::from_millis(200), changes.changed()).await;
            }
        }
    }

    /// Asks the hosts to show that they keep up.
    async fn raise_nb_cfg(&self) -> Result<(), DbError> {
        let mutations = vec![Mutation::new("nb_cfg", Mutator::Add, crate::ovsdb::Datum::one(1))];
        self.northbound
            .transact(&[Op::Mutate { table: "NB_Global".into(), when: Vec::<Condition>::new(), mutations }])
            .await
            .map(|_| ())
    }

    /// The hosts that may carry gateways.
    fn carriers(&self) -> Vec<gateway::Chassis> {
        let replica = self.southbound.replica();
        let (liveness, now) = (self.liveness.lock(), self.clock.monotonic());
        gateway::carriers(gateway::chassis(&replica), |name| liveness.is_alive(reached(&replica, name), now))
    }

    fn observe(&self) {
        let cfg = self.southbound.replica().rows("SB_Global").find_map(|(_, row)| row.int("nb_cfg"));
        self.liveness.lock().observe(cfg.unwrap_or(0), self.clock.monotonic());
    }
}

/// Follows the hosts: gateways go where hosts are, and hosts are asked for a sign of life.
async fn keep_up(shared: Arc<Shared>) {
    let mut changes = shared.southbound.changes();
    let mut rounds = interval(ROUND);
    let mut known = Vec::new();
    loop {
        tokio::select! {
            _ = rounds.tick() => {
                if shared.southbound.ready(Duration::ZERO).await.is_ok()
                    && let Err(error) = shared.raise_nb_cfg().await
                {
                    tracing::debug!(%error, "raising nb_cfg");
                }
            }
            changed = changes.changed() => if changed.is_err() { return },
        }
        shared.observe();
        let chassis = shared.carriers();
        if chassis != known {
            match shared.write(Wishes::new).await {
                Ok(()) => known = chassis,
                Err(error) => tracing::warn!(error = %error.internal_text(), "giving the gateways their hosts"),
            }
        }
    }
}

#[async_trait]
impl NetworkBackend for OvnBackend {
    fn name(&self) -> &'static str {
        "ovn"
    }

    fn enforces(&self) -> &'static [RuleType] {
        &[RuleType::BandwidthLimit, RuleType::DscpMarking, RuleType::MinimumBandwidth]
    }

    async fn apply(&self, changes: &[Change]) -> Result<()> {
        let mut batches = changes.chunks(BATCH);
        let first = batches.next().unwrap_or_default();
        for batch in std::iter::once(first).chain(batches) {
            self.shared.write(|| wishes(batch, &self.shared.settings)).await?;
        }
        Ok(())
    }

    async fn dump(&self) -> Result<BTreeMap<LogicalKey, u64>> {
        self.shared.write(Wishes::new).await?;
        Ok(dump::dump(&self.shared.northbound.replica()))
    }

    async fn port_up(&self, port: &PortId) -> Result<bool> {
        self.shared.northbound.ready(Duration::from_secs(30)).await?;
        let replica = self.shared.northbound.replica();
        let row = replica.row(tables::SWITCH_PORT, translate::switch_port(port).uuid);
        Ok(row.and_then(|row| row.flag("up")).unwrap_or(false))
    }

    async fn limits_of(&self, port: &PortId) -> Result<Option<LQos>> {
        self.shared.northbound.ready(Duration::from_secs(30)).await?;
        let replica = self.shared.northbound.replica();
        let mut rows = plan::rows_of(&replica, &LogicalKey::Port(port.clone()).to_string());
        rows.retain(|at| at.table == tables::QOS);
        Ok(Some(translate::limits(rows.iter().filter_map(|at| replica.row(at.table, at.uuid)))))
    }

    async fn trace(&self, frame: &Frame) -> Result<Option<Trace>> {
        trace::trace(&self.shared.traced, frame).await.map(Some)
    }

    async fn hosts(&self) -> Result<Vec<(HostName, bool)>> {
        self.shared.southbound.ready(Duration::from_secs(30)).await?;
        self.shared.observe();
        let (replica, liveness, now) =
            (self.shared.southbound.replica(), self.shared.liveness.lock(), self.shared.clock.monotonic());
        let cfg = |name: &str| reached(&replica, name);
        let mut hosts: Vec<_> = replica
            .rows("Chassis")
            .map(|(_, row)| (HostName::from(row.text("hostname")), liveness.is_alive(cfg(row.text("name")), now)))
            .collect();
        hosts.sort();
        Ok(hosts)
    }
}

/// How far a chassis has come.
fn reached(southbound: &Replica, chassis: &str) -> i64 {
    let row = southbound.rows("Chassis_Private").find(|(_, row)| row.text("name") == chassis);
    row.and_then(|(_, row)| row.int("nb_cfg")).unwrap_or(0)
}

/// The last change of each object counts: objects are complete, so what came before it leaves no trace.
fn wishes(changes: &[Change], settings: &Settings) -> Wishes {
    let last: BTreeMap<LogicalKey, Option<_>> = changes
        .iter()
        .map(|change| match change {
            Change::Put(object) => (object.key(), Some(object)),
            Change::Remove(key) => (key.clone(), None),
        })
        .collect();
    last.into_iter().map(|(key, object)| (key.to_string(), object.map(|o| translate::draft(o, settings)))).collect()
}
