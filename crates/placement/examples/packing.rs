//! How many more servers a half-full, fragmented cluster takes: by our scheduler, until it finds no host, and by `hspace` of Debian's
//! `ganeti-htools` on a file that describes the same cluster with the same servers on the same hosts.
//!
//! Servers of five flavors come until two thirds of the memory is claimed, then every third goes: once with the default
//! weights, which spread them, and once packed. `cargo xtask bench placement` runs it where `hspace` is installed.

use kernel::{HostName, Result, Timestamp};
use placement::{Scheduler, Weights, schema};
use ports::{Inventory, PlaceRequest, Placer, Roster};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write, process::Command};
use store::{Schema, Store};

const HOSTS: usize = 60;
/// Processors, memory in MiB, disk in GiB.
const SIZES: [(u64, u64, u64); 3] = [(16, 65_536, 500), (32, 131_072, 1_000), (96, 524_288, 4_000)];
const FLAVORS: [(u64, u64, u64); 5] = [(1, 512, 1), (1, 2_048, 20), (2, 4_096, 40), (4, 8_192, 80), (8, 32_768, 160)];
/// What is asked of the cluster afterwards.
const ASKED: [(u64, u64, u64); 3] = [(2, 4_096, 40), (8, 32_768, 160), (32, 131_072, 400)];
const CPU_RATIO: u64 = 4;

type Flavor = (u64, u64, u64);

struct Cluster {
    store: Store,
    scheduler: Scheduler,
    roster: Roster,
    placed: BTreeMap<String, (Flavor, HostName)>,
}

fn name(n: usize) -> HostName {
    HostName::from(format!("host{n:03}"))
}

impl Cluster {
    async fn new(weights: Weights) -> Result<Self> {
        let scheduler = Scheduler { weights, ..Scheduler::default() };
        let store = Store::in_memory(schema(Schema::new())).await;
        let reporter = scheduler.clone();
        let report = move |tx: &mut store::Tx| {
            (0..HOSTS).try_for_each(|n| {
                let (vcpus, memory_mib, disk_gib) = SIZES[n % SIZES.len()];
                let memory_mib = memory_mib + reporter.ratios.reserved_memory_mib;
                let (traits, cells) = (Vec::new(), Vec::new());
                let inventory = Inventory { host: name(n), vcpus, memory_mib, disk_gib, traits, cells };
                reporter.report_inventory(tx, &inventory, Timestamp::from_secs(1))
            })
        };
        store.transact("bench.hosts", report).await?;
        Ok(Self { store, scheduler, roster: Roster::of((0..HOSTS).map(name)), placed: BTreeMap::new() })
    }

    /// `None`: there is no host for it.
    async fn place(&mut self, consumer: String, flavor: Flavor) -> Option<()> {
        let (vcpus, memory, disk) = flavor;
        let request = PlaceRequest {
            consumer: consumer.clone(),
            project: "p".into(),
            resources: [("VCPU".into(), vcpus), ("MEMORY_MB".into(), memory), ("DISK_GB".into(), disk)].into(),
            roster: self.roster.clone(),
            ..PlaceRequest::default()
        };
        let scheduler = self.scheduler.clone();
        let claim = move |tx: &mut store::Tx| scheduler.claim(tx, &request, Timestamp::from_secs(2));
        let host = self.store.transact("bench.place", claim).await.ok()?.host;
        self.placed.insert(consumer, (flavor, host));
        Some(())
    }

    async fn remove(&mut self, consumer: &str) -> Result<()> {
        let (scheduler, gone) = (self.scheduler.clone(), consumer.to_owned());
        self.store.transact("bench.release", move |tx| scheduler.release(tx, &gone)).await?;
        self.placed.remove(consumer);
        Ok(())
    }

    async fn fill(&mut self) -> Result<()> {
        let all: u64 = (0..HOSTS).map(|n| SIZES[n % SIZES.len()].1).sum();
        let (mut claimed, mut n) = (0, 0_usize);
        while claimed < all * 2 / 3 {
            // Any order will do, as long as it is always the same.
            let flavor = FLAVORS[(n * 7 + n / 11) % FLAVORS.len()];
            self.place(format!("s{n:05}"), flavor).await;
            (claimed, n) = (claimed + flavor.1, n + 1);
        }
        for gone in (0..n).step_by(3) {
            self.remove(&format!("s{gone:05}")).await?;
        }
        Ok(())
    }

    /// As many of a flavor as there is room for; they go again.
    async fn more(&mut self, flavor: Flavor) -> Result<usize> {
        let mut count = 0;
        while self.place(format!("more{count}"), flavor).await.is_some() {
            count += 1;
        }
        for n in 0..count {
            self.remove(&format!("more{n}")).await?;
        }
        Ok(count)
    }

    /// The cluster in the text format of `htools(1)`. Ganeti leaves the last MiB of a node's memory and disk free, hence one more.
    fn described(&self) -> String {
        let mut text = String::from("group|uuid|preferred||\n\n");
        for n in 0..HOSTS {
            let (cpus, memory, disk) = SIZES[n % SIZES.len()];
            let here = self.placed.values().filter(|(_, host)| *host == name(n));
            let (used, on_disk) = here.fold((0, 0), |(m, d), ((_, memory, disk), _)| (m + memory, d + disk * 1024));
            let (memory, disk) = (memory + 1, disk * 1024 + 1);
            let (free, disk_free) = (memory - used, disk - on_disk);
            let _ = writeln!(text, "{}|{memory}|0|{free}|{disk}|{disk_free}|{cpus}|N|uuid|1||N|1|0|1.0", name(n));
        }
        text.push('\n');
        for (consumer, ((cpus, memory, disk), host)) in &self.placed {
            let disk = disk * 1024;
            let _ = writeln!(text, "{consumer}|{memory}|{disk}|{cpus}|running|Y|{host}||plain||1|-");
        }
        text.push_str("\n\n");
        // No limit but the nodes' own, for the cluster and again for its one group.
        for owner in ["", "group"] {
            let sizes = "128,1,1024,1,1,1|128,1,1,1,1,1;1048576,256,16777216,16,8,12";
            let _ = writeln!(text, "{owner}|{sizes}|plain|{CPU_RATIO}.0|1000000.0");
        }
        text
    }
}

/// What `hspace` says; `None` if it is not installed.
fn by_hspace(cluster: &Cluster, (vcpus, memory, disk): Flavor) -> Option<u64> {
    let file = std::env::temp_dir().join(format!("tstack-packing-{}", std::process::id()));
    std::fs::write(&file, cluster.described()).ok()?;
    let mut hspace = Command::new("hspace");
    hspace.arg("-t").arg(&file).args(["--disk-template=plain", "--no-capacity-checks", "--machine-readable"]);
    hspace.arg(format!("--standard-alloc={disk}g,{memory}m,{vcpus}"));
    let said = hspace.output();
    let _ = std::fs::remove_file(&file);
    let said = String::from_utf8_lossy(&said.ok()?.stdout).into_owned();
    let count = said.lines().find_map(|line| line.strip_prefix("HTS_ALLOC_INSTANCES="));
    assert!(count.is_some(), "hspace said: {said}");
    count?.parse().ok()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let packed = Weights { memory: -1.0, cpu: -1.0, disk: -1.0, ..Weights::default() };
    let mut rows: Vec<Value> = Vec::new();
    for (manner, weights) in [("spread", Weights::default()), ("packed", packed)] {
        let mut cluster = Cluster::new(weights).await?;
        cluster.fill().await?;
        for flavor in ASKED {
            let (ours, hspace) = (cluster.more(flavor).await?, by_hspace(&cluster, flavor));
            let name = format!("{} vCPU, {} GiB on a {manner} cluster", flavor.0, flavor.1 / 1024);
            rows.push(json!({"name": name, "ours": ours, "hspace": hspace}));
        }
        let found = placement::audit(&cluster.store.snapshot());
        assert!(found.is_empty(), "{found:?}");
    }
    println!("{}", json!({"benchmark": format!("servers that still fit on {HOSTS} hosts"), "rows": rows}));
    Ok(())
}
