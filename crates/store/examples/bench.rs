//! How fast the store is: `cargo run --release -p store --example bench -- [memory] [redb] [etcd] [etcd3] [--seconds N]
//! [--only WHAT]`.
//!
//! One JSON object per line: back end, what was measured, operations per second, and CPU time of this process per operation
//! (etcd's own is not in it). redb and etcd write to the current directory's disk.

#[path = "../tests/it/support/etcd.rs"]
#[allow(dead_code)] // the tests use more of it
mod etcd;

use etcd::{Server, free_port};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use store::{Backend, Index, IndexSink, Key, Memory, Object, Redb, Schema, Store};

/// About as large as a server's record, with as many indexes.
#[derive(Clone, Serialize, Deserialize)]
struct Thing {
    id: String,
    project: String,
    host: String,
    name: String,
    text: String,
    count: u64,
}

impl Thing {
    const BY_PROJECT: Index<Thing> = Index::new(0);
    const BY_HOST: Index<Thing> = Index::new(1);

    fn new(n: u64) -> Self {
        Self {
            id: format!("{n:08}-0000-4000-8000-000000000000"),
            project: format!("project-{}", n % 50),
            host: format!("host-{}", n % 200),
            name: format!("server {n}"),
            text: "x".repeat(1200),
            count: 0,
        }
    }
}

impl Object for Thing {
    const KIND: &'static str = "bench.thing";
    const INDEXES: &'static [&'static str] = &["project", "host"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &self.project);
        sink.add(Self::BY_HOST, &self.host);
    }
}

/// How long each measurement takes, and which are made.
struct Run {
    time: Duration,
    only: String,
}

/// CPU time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Runs callers side by side for a while and prints what they got done.
async fn measure<F: Future<Output = ()>>(
    backend: &str,
    what: &str,
    callers: usize,
    run: &Run,
    operation: impl Fn(u64) -> F,
) {
    if !what.contains(&run.only) {
        return;
    }
    let (done, began, before) = (AtomicU64::new(0), Instant::now(), cpu());
    let caller = async || {
        while began.elapsed() < run.time {
            // Looking at the clock costs as much as the fastest operation.
            for _ in 0..16 {
                operation(done.fetch_add(1, Ordering::Relaxed)).await;
            }
            tokio::task::yield_now().await;
        }
    };
    join_all((0..callers).map(|_| caller())).await;
    let count = done.load(Ordering::Relaxed) as f64;
    let (took, cpu) = (began.elapsed().as_secs_f64(), (cpu() - before).as_micros() as f64);
    let line = json!({
        "backend": backend, "what": what, "callers": callers, "operations": count,
        "per_second": (count / took).round(), "cpu_us": (cpu / count * 100.0).round() / 100.0,
    });
    println!("{line}");
}

async fn bench(name: &str, backend: impl Backend, run: &Run) {
    let store = Store::open(backend, Schema::new().with::<Thing>()).await.expect("the store opens");
    let put = |n| {
        let store = store.clone();
        async move { drop(store.transact("put", move |tx| Ok(tx.put(Thing::new(n)))).await.expect("committed")) }
    };
    let bump = |_| {
        let store = store.clone();
        let id = Thing::new(0).id;
        let bump = move |tx: &mut store::Tx| Ok(tx.update::<Thing>(&id, |t| t.count += 1).map(|t| t.count));
        async move { assert!(store.transact("bump", bump).await.expect("committed").is_some()) }
    };
    measure(name, "insert", 1, run, put).await;
    measure(name, "insert", 64, run, put).await;
    measure(name, "update one object", 64, run, bump).await;
    measure(name, "linearizable read", 1, run, |_| async { drop(store.read().await.expect("read")) }).await;
    measure(name, "linearizable read", 64, run, |_| async { drop(store.read().await.expect("read")) }).await;
    let fresh = async |_| drop(store.fresh_within(Duration::from_secs(1)).await.expect("read"));
    measure(name, "read of at most 1 s ago", 64, run, fresh).await;
    let id = Thing::new(0).id;
    let get = async |_| assert!(store.snapshot().get::<Thing>(&id).is_some());
    measure(name, "get from a snapshot", 1, run, get).await;
    if name == "memory" {
        list(&store, run).await;
    }
}

/// 1,000 of 50,000, by an index.
async fn list(store: &Store, run: &Run) {
    for hundreds in 0..500 {
        let fill = move |tx: &mut store::Tx| {
            (0..100).for_each(|n| drop(tx.put(Thing::new(hundreds * 100 + n))));
            Ok(())
        };
        store.transact("fill", fill).await.expect("committed");
    }
    let list = async |_| {
        let snapshot = store.snapshot();
        assert!(snapshot.by(Thing::BY_PROJECT, "project-7").take(1000).count() >= 1000);
    };
    measure("memory", "list 1,000 of 50,000 by index", 1, run, list).await;
}

/// Members on this machine, under `dir`.
async fn etcd_members(dir: &Path, count: usize) -> (Vec<Server>, Vec<String>) {
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let ports: Vec<_> = (0..count).map(|_| (free_port(), free_port())).collect();
    let cluster: Vec<_> = ports.iter().enumerate().map(|(n, (_, peer))| format!("m{n}={}", url(*peer))).collect();
    let (mut servers, mut endpoints) = (Vec::new(), Vec::new());
    for (n, (client, peer)) in ports.iter().enumerate() {
        let home = dir.join(format!("m{n}"));
        std::fs::create_dir_all(&home).expect("a directory");
        let flags = [
            format!("--name=m{n}"),
            format!("--listen-client-urls={}", url(*client)),
            format!("--advertise-client-urls={}", url(*client)),
            format!("--listen-peer-urls={}", url(*peer)),
            format!("--initial-advertise-peer-urls={}", url(*peer)),
            format!("--initial-cluster={}", cluster.join(",")),
        ];
        servers.push(Server::start(&home, &flags, true));
        endpoints.push(url(*client));
    }
    for endpoint in &endpoints {
        assert!(etcd::answers(endpoint).await, "etcd does not answer");
    }
    (servers, endpoints)
}

#[tokio::main]
async fn main() {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let mut option = |name: &str| {
        let at = names.iter().position(|a| a == name)?;
        names.drain(at..(at + 2).min(names.len())).nth(1)
    };
    let seconds = option("--seconds").map_or(2, |s| s.parse().expect("--seconds wants a number"));
    let run = Run { time: Duration::from_secs(seconds), only: option("--only").unwrap_or_default() };
    if names.is_empty() {
        names = ["memory", "redb", "etcd", "etcd3"].map(String::from).into();
    }
    for name in names {
        let dir = Arc::new(tempfile::tempdir_in(".").expect("a directory"));
        match name.as_str() {
            "memory" => bench(&name, Memory::new(), &run).await,
            "redb" => bench(&name, Redb::open(&dir.path().join("store")).expect("it opens"), &run).await,
            "etcd" | "etcd3" => {
                let (_servers, endpoints) = etcd_members(dir.path(), if name == "etcd" { 1 } else { 3 }).await;
                bench(&name, etcd::connect(endpoints).await, &run).await;
            }
            other => panic!("no back end is called {other}"),
        }
    }
}
