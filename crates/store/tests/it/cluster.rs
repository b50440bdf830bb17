//! Three etcd members, three stores, and load; the leader is killed, frozen and cut off, one after the other.
//!
//! Every store must go on each time. Afterwards the history of all operations must be strictly serializable
//! ([`crate::support::serial`]), and every store's watch must have delivered every revision once and in order, as etcd itself
//! has them. `TSTACK_CLUSTER_ROUNDS=20` is the longer form.

use crate::support::{
    etcd::{Server, answers, connect, free_port, last_lines, scratch},
    proxy::{Cuts, Proxy},
    serial::{self, Op},
    setting, until,
};
use futures_util::{StreamExt, future::join_all};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use store::{Backend, Key, Object, Revision, Schema, Snapshot, Store, Tx, WatchItem, backend::RawWatch};

const MEMBERS: [&str; 3] = ["m0", "m1", "m2"];
const REGISTERS: [&str; 5] = ["v", "w", "x", "y", "z"];
/// Operations of each store at a time.
const WORKERS: usize = 3;
/// What every store must get done under every fault.
const PROGRESS: u64 = 25;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Register {
    id: String,
    version: u64,
    /// The operation that wrote it, and everything it read and wrote.
    op: String,
    reads: Vec<serial::Version>,
    writes: Vec<serial::Version>,
}

impl Object for Register {
    const KIND: &'static str = "test.register";
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
}

struct Member {
    server: Option<Server>,
    flags: Vec<String>,
    dir: tempfile::TempDir,
    client: Proxy,
    _peer: Proxy,
}

struct Cluster {
    members: Vec<Member>,
    cuts: Cuts,
}

impl Cluster {
    async fn start() -> Self {
        for _ in 0..5 {
            if let Some(cluster) = Self::try_start().await {
                return cluster;
            }
        }
        panic!("no cluster could be started")
    }

    async fn try_start() -> Option<Self> {
        let cuts = Cuts::default();
        let ports: Vec<_> = MEMBERS.iter().map(|_| (free_port(), free_port())).collect();
        let mut proxies = Vec::new();
        for (name, (client, peer)) in MEMBERS.iter().zip(&ports) {
            proxies.push((Proxy::new(cuts.clone(), name, *client).await, Proxy::new(cuts.clone(), name, *peer).await));
        }
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let all: Vec<_> =
            MEMBERS.iter().zip(&proxies).map(|(name, (_, peer))| format!("{name}={}", url(peer.port))).collect();
        let mut members = Vec::new();
        for ((name, (client_port, peer_port)), (client, peer)) in MEMBERS.iter().zip(ports).zip(proxies) {
            let (dir, flags) = (
                scratch(),
                vec![
                    format!("--name={name}"),
                    format!("--listen-client-urls={}", url(client_port)),
                    format!("--advertise-client-urls={}", url(client.port)),
                    format!("--listen-peer-urls={}", url(peer_port)),
                    format!("--initial-advertise-peer-urls={}", url(peer.port)),
                    format!("--initial-cluster={}", all.join(",")),
                ],
            );
            let server = Some(Server::start(dir.path(), &flags, true));
            members.push(Member { server, flags, dir, client, _peer: peer });
        }
        let cluster = Self { members, cuts };
        for member in &cluster.members {
            if !answers(&url(member.client.port)).await {
                eprintln!("a member did not start: {}", last_lines(&member.dir.path().join("log")));
                return None;
            }
        }
        let mut client = cluster.client(0).await;
        for member in client.member_list().await.expect("members").members() {
            cluster.cuts.name(member.id(), member.name());
        }
        Some(cluster)
    }

    fn endpoint(&self, member: usize) -> String {
        format!("http://127.0.0.1:{}", self.members[member].client.port)
    }

    async fn client(&self, member: usize) -> etcd_client::Client {
        etcd_client::Client::connect([self.endpoint(member)], None).await.expect("a well-formed address")
    }

    /// A store that uses one member as long as it can.
    async fn store(&self, first: usize) -> Store {
        let endpoints: Vec<_> = (0..3).map(|n| self.endpoint((first + n) % 3)).collect();
        Store::open(connect(endpoints).await, Schema::new().with::<Register>()).await.expect("the store opens")
    }

    async fn leader(&self) -> usize {
        let mut leader = None;
        until("there is a leader", async || {
            for n in 0..3 {
                if let Ok(status) = self.client(n).await.status().await
                    && status.header().is_some_and(|h| h.member_id() == status.leader())
                {
                    leader = Some(n);
                }
            }
            leader.is_some()
        })
        .await;
        leader.expect("waited for")
    }

    async fn strike(&mut self, fault: Fault, member: usize) {
        let name = MEMBERS[member];
        let at = &mut self.members[member];
        match fault {
            Fault::Kill => drop(at.server.take()),
            Fault::Freeze => at.server.as_ref().expect("it runs").signal("STOP"),
            Fault::CutOff => self.cuts.set(name, true),
        }
    }

    async fn mend(&mut self, fault: Fault, member: usize) {
        let name = MEMBERS[member];
        let at = &mut self.members[member];
        match fault {
            Fault::Kill => at.server = Some(Server::start(at.dir.path(), &at.flags, true)),
            Fault::Freeze => at.server.as_ref().expect("it runs").signal("CONT"),
            Fault::CutOff => self.cuts.set(name, false),
        }
        let endpoint = self.endpoint(member);
        until("the member is back", async || answers(&endpoint).await).await;
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Freeze,
    CutOff,
}

/// What the workers share.
#[derive(Default)]
struct Load {
    clock: AtomicU64,
    stop: AtomicBool,
    /// Answered operations by store.
    done: [AtomicU64; 3],
    ops: Mutex<Vec<Op>>,
    refused: AtomicU64,
}

impl Load {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    async fn work(self: Arc<Self>, store: Store, which: usize, worker: usize) {
        let mut random = StdRng::seed_from_u64((which * 10 + worker) as u64);
        for n in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("s{which}w{worker}n{n}");
            let began = self.now();
            let result = match random.random_range(0..10) {
                0..3 => store.read().await.map(|snapshot| Op { reads: versions(&snapshot), ..Op::default() }),
                3..5 => self.transact(&store, &name, &mut random, 0).await,
                _ => self.transact(&store, &name, &mut random, 2).await,
            };
            match result {
                Ok(op) => {
                    self.done[which].fetch_add(1, Ordering::Relaxed);
                    self.ops.lock().push(Op { name, began, answered: Some(self.now()), ..op });
                }
                Err(_) => {
                    // If it wrote after all, the log says so.
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    self.ops.lock().push(Op { name, began, ..Op::default() });
                }
            }
        }
    }

    /// Reads some registers, and counts up at most `writes` of them.
    async fn transact(&self, store: &Store, name: &str, random: &mut StdRng, writes: usize) -> kernel::Result<Op> {
        let count = random.random_range(1..=3);
        let chosen: Vec<_> = REGISTERS.choose_multiple(random, count).copied().collect();
        let op = name.to_owned();
        let count = move |tx: &mut Tx| {
            let read = |id: &str| (id.to_owned(), 0);
            let mut reads: Vec<_> = chosen.iter().map(|id| read(id)).collect();
            for (id, version) in &mut reads {
                *version = tx.get::<Register>(id).map_or(0, |r| r.version);
            }
            let written: Vec<_> = reads.iter().take(writes).map(|(id, version)| (id.clone(), version + 1)).collect();
            for (id, version) in &written {
                let (op, reads, writes) = (op.clone(), reads.clone(), written.clone());
                tx.put(Register { id: id.clone(), version: *version, op, reads, writes });
            }
            Ok(Op { reads, writes: written, ..Op::default() })
        };
        store.transact("load", count).await
    }
}

fn versions(snapshot: &Snapshot) -> Vec<serial::Version> {
    REGISTERS.iter().map(|id| ((*id).to_owned(), snapshot.get::<Register>(id).map_or(0, |r| r.version))).collect()
}

/// What a watch delivered: revisions, and the registers that each changed.
type Log = Vec<(Revision, BTreeMap<String, Register>)>;

async fn follow(store: Store, log: Arc<Mutex<Log>>) {
    let mut watch = store.watch_from((store.snapshot().epoch(), 0));
    loop {
        match watch.next().await {
            WatchItem::Batch(batch) => {
                let changes =
                    batch.of::<Register>().filter_map(|c| Some((c.key.to_string(), Register::clone(&*c.new?))));
                log.lock().push((batch.revision, changes.collect()));
            }
            WatchItem::Reset(snapshot) => assert!(log.lock().is_empty(), "reset at {}", snapshot.revision()),
        }
    }
}

/// The log as etcd has it, of which nothing was compacted.
async fn truth(cluster: &Cluster, to: Revision) -> Log {
    let mut watch = connect([cluster.endpoint(0)]).await.watch(0);
    let mut log = Log::new();
    while log.last().is_none_or(|(revision, _)| *revision < to) {
        let Some(RawWatch::Batch(batch)) = watch.next().await else { panic!("nothing was compacted") };
        let register = |(key, value): &(String, Option<bytes::Bytes>)| {
            let id = key.strip_prefix("o/test.register/")?;
            let text = std::str::from_utf8(value.as_ref()?).ok()?;
            Some((id.to_owned(), serde_json::from_str(text.splitn(3, ' ').nth(2)?).ok()?))
        };
        log.push((batch.revision, batch.events.iter().filter_map(register).collect()));
    }
    log
}

/// Adds to operations without an answer what the log says they did. One group may hold several writes of a register, of which
/// only the last is in the log; the others are of answered operations, or of none that anybody could have seen.
fn complete(ops: &mut [Op], log: &Log) {
    let mut written = BTreeMap::new();
    for register in log.iter().flat_map(|(_, registers)| registers.values()) {
        written.insert(register.op.clone(), register.clone());
    }
    for op in ops.iter_mut().filter(|op| op.answered.is_none()) {
        if let Some(register) = written.get(&op.name) {
            (op.reads, op.writes) = (register.reads.clone(), register.writes.clone());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_members_lose_nothing_whatever_happens_to_the_leader() {
    let mut cluster = Cluster::start().await;
    let stores = join_all((0..3).map(|n| cluster.store(n))).await;
    let logs: Vec<_> = stores.iter().map(|_| Arc::new(Mutex::new(Log::new()))).collect();
    let from = stores.iter().map(|s| s.snapshot().revision()).max().unwrap();
    let followers: Vec<_> =
        stores.iter().zip(&logs).map(|(s, log)| tokio::spawn(follow(s.clone(), Arc::clone(log)))).collect();
    let load = Arc::new(Load::default());
    let workers: Vec<_> =
        (0..3 * WORKERS).map(|n| tokio::spawn(Arc::clone(&load).work(stores[n % 3].clone(), n % 3, n / 3))).collect();
    let progress = async || {
        let before = load.done.each_ref().map(|n| n.load(Ordering::Relaxed));
        let all = || load.done.iter().zip(before).all(|(n, before)| n.load(Ordering::Relaxed) >= before + PROGRESS);
        until("every store gets on", async || all()).await;
    };
    progress().await;
    for round in 0..setting("TSTACK_CLUSTER_ROUNDS", 1) {
        for fault in [Fault::Kill, Fault::Freeze, Fault::CutOff] {
            // The leader, which is worst for the cluster; in every other round a follower, which a store may be using.
            let victim = (cluster.leader().await + (round % 2) as usize) % MEMBERS.len();
            println!("round {round}: {fault:?} of {}", MEMBERS[victim]);
            cluster.strike(fault, victim).await;
            progress().await;
            cluster.mend(fault, victim).await;
            progress().await;
        }
    }
    load.stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    let heads = join_all(stores.iter().map(Store::read)).await;
    let head = heads[0].as_ref().unwrap().revision();
    let log = truth(&cluster, head).await;
    for (n, delivered) in logs.iter().enumerate() {
        until("the watch is there", async || delivered.lock().last().is_some_and(|(at, _)| *at >= head)).await;
        followers[n].abort();
        let seen: Vec<_> = delivered.lock().iter().filter(|(at, _)| *at > from).cloned().collect();
        let expected: Vec<_> = log.iter().filter(|(at, _)| *at > from).cloned().collect();
        assert!(seen == expected, "store {n} saw {} revisions, there are {}", seen.len(), expected.len());
        assert_eq!(stores[n].stats().resets.load(Ordering::Relaxed), 0);
    }
    let mut ops = std::mem::take(&mut *load.ops.lock());
    complete(&mut ops, &log);
    let unknown: u64 = stores.iter().map(|s| s.stats().unknown_outcomes.load(Ordering::Relaxed)).sum();
    println!(
        "{} operations, {} refused, {unknown} outcomes settled, {} revisions",
        ops.len(),
        load.refused.load(Ordering::Relaxed),
        log.len()
    );
    serial::check(&ops).unwrap_or_else(|e| panic!("{e}"));
}
