//! What a placement costs among 5,000 hosts of three sizes in four zones: servers of five flavors, every fifth in a group that keeps apart,
//! every seventh with NUMA nodes or processors of its own, until a third of the memory is claimed; then what clients of the API wait for candidates. `cargo xtask bench placement` runs it
//! and keeps what it prints.

use http::testkit::{Api, Tokens, deps, member_of};
use kernel::{HostName, Result, Timestamp};
use placement::{Placement, Scheduler, api::router, schema};
use policy::Policies;
use ports::{GuestCell, GuestTopology, HostCell, Inventory, Labels, PlaceRequest, Placer, Roster};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use store::{Schema, Store};

const HOSTS: usize = 5_000;
const PLACEMENTS: usize = 20_000;
const QUESTIONS: usize = 500;
/// Processors, memory in MiB, disk in GiB.
const SIZES: [(u64, u64, u64); 3] = [(16, 65_536, 500), (32, 131_072, 1_000), (96, 524_288, 4_000)];
const FLAVORS: [(u64, u64, u64); 5] = [(1, 512, 1), (1, 2_048, 20), (2, 4_096, 40), (4, 8_192, 80), (8, 32_768, 160)];
const GROUP: usize = 8;

fn name(n: usize) -> HostName {
    HostName::from(format!("host-{n:04}"))
}

async fn hosts(store: &Store, scheduler: &Scheduler) -> Result<()> {
    let all: Vec<_> = (0..HOSTS).collect();
    for part in all.chunks(500).map(<[usize]>::to_vec) {
        let scheduler = scheduler.clone();
        let report = move |tx: &mut store::Tx| {
            for n in &part {
                let (vcpus, memory_mib, disk_gib) = SIZES[n % SIZES.len()];
                let traits = vec!["HW_ARCH_X86_64".to_owned(), "COMPUTE_NODE".into()];
                let cells = (0..2).map(|id| cell(id, vcpus as u32, memory_mib)).collect();
                let inventory = Inventory { host: name(*n), vcpus, memory_mib, disk_gib, traits, cells };
                scheduler.report_inventory(tx, &inventory, Timestamp::from_secs(1))?;
                scheduler.set_labels(
                    tx,
                    &name(*n),
                    &Labels { zone: format!("zone-{}", n % 4), ..Labels::default() },
                )?;
            }
            Ok(())
        };
        store.transact("bench.hosts", report).await?;
    }
    Ok(())
}

/// Half of a host; a quarter of its processors are given to guests that want them to themselves, two threads to a core.
fn cell(id: u32, vcpus: u32, memory_mib: u64) -> HostCell {
    let (from, half) = (id * vcpus / 2, vcpus / 2);
    HostCell {
        id,
        shared: (from..from + half / 2).collect(),
        dedicated: (from + half / 2..from + half).collect(),
        siblings: (0..half / 2).map(|n| [from + 2 * n, from + 2 * n + 1].into()).collect(),
        memory_mib: memory_mib / 2,
        huge_pages: BTreeMap::new(),
    }
}

/// Two NUMA nodes, or two processors of its own.
fn topology(n: usize, memory_mib: u64) -> Option<GuestTopology> {
    let cell = |vcpu: u32, own: bool| GuestCell {
        vcpus: [vcpu].into(),
        dedicated: if own { [vcpu].into() } else { [].into() },
        memory_mib: memory_mib / 2,
    };
    let cells = match n % 14 {
        0 => vec![cell(0, false), cell(1, false)],
        7 => vec![cell(0, true), cell(1, true)],
        _ => return None,
    };
    Some(GuestTopology { cells, ..GuestTopology::default() })
}

fn request(n: usize, roster: &Roster, apart: &[HostName]) -> PlaceRequest {
    let (mut vcpus, memory, disk) = FLAVORS[n % FLAVORS.len()];
    let topology = topology(n, memory);
    let own = match &topology {
        Some(wanted) => wanted.cells.iter().map(|cell| cell.dedicated.len() as u64).sum(),
        None => 0,
    };
    vcpus = if topology.is_some() { 2 - own } else { vcpus };
    let claimed = [("VCPU", vcpus), ("PCPU", own), ("MEMORY_MB", memory), ("DISK_GB", disk)];
    PlaceRequest {
        consumer: format!("server-{n}"),
        project: "p".into(),
        user: "u".into(),
        resources: claimed.iter().filter(|(_, n)| *n > 0).map(|(class, n)| ((*class).to_owned(), *n)).collect(),
        topology,
        required_traits: vec!["HW_ARCH_X86_64".into()],
        availability_zone: n.is_multiple_of(3).then(|| format!("zone-{}", n % 4)),
        different_from: apart.to_vec(),
        roster: roster.clone(),
        ..PlaceRequest::default()
    }
}

async fn placements(store: &Store, scheduler: &Scheduler) -> Result<Vec<Duration>> {
    let roster = Roster::of((0..HOSTS).map(name));
    let mut groups: BTreeMap<usize, Vec<HostName>> = BTreeMap::new();
    let mut took = Vec::with_capacity(PLACEMENTS);
    for n in 0..PLACEMENTS {
        let group = n.is_multiple_of(5).then_some(n / (5 * GROUP));
        let apart = group.and_then(|g| groups.get(&g)).map_or(&[][..], |list| list);
        let (request, scheduler) = (request(n, &roster, apart), scheduler.clone());
        let began = Instant::now();
        let claim =
            store.transact("bench.place", move |tx| scheduler.claim(tx, &request, Timestamp::from_secs(2))).await?;
        took.push(began.elapsed());
        assert!(!apart.contains(&claim.host), "the group is kept apart");
        if let Some(group) = group {
            groups.entry(group).or_default().push(claim.host);
        }
    }
    Ok(took)
}

async fn candidates(store: &Store, query: &str) -> Vec<Duration> {
    let policies = Policies::new(&[&placement::policy::POLICY]).expect("the rules are well-formed");
    let tokens = Tokens::default().with("admin", member_of("p", "ann", &["admin"]));
    let api = Api::new(router(Placement { store: store.clone() }, deps(tokens, policies)));
    let api = api.token("admin").with("openstack-api-version", "placement 1.39");
    let mut took = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let began = Instant::now();
        let answer = api.call(&format!("GET /placement/allocation_candidates?{query}"), None).await;
        took.push(began.elapsed());
        assert_eq!(answer.json()["allocation_requests"].as_array().map(Vec::len), Some(1), "{}", answer.text());
    }
    took
}

fn row(name: &str, mut took: Vec<Duration>) -> Value {
    let wall: Duration = took.iter().sum();
    took.sort();
    let at = |p: usize| (took[(took.len() * p / 100).min(took.len() - 1)].as_secs_f64() * 1e5).round() / 100.0;
    let rate = (took.len() as f64 / wall.as_secs_f64()).round();
    json!({"name": name, "n": took.len(), "p50_ms": at(50), "p99_ms": at(99), "per_second": rate})
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (store, scheduler) = (Store::in_memory(schema(Schema::new())).await, Scheduler::default());
    hosts(&store, &scheduler).await?;
    let placed = placements(&store, &scheduler).await?;
    let found = placement::audit(&store.snapshot());
    assert!(found.is_empty(), "{found:?}");
    let rows = [
        row("place a server among 5,000 hosts", placed),
        row("one candidate among 5,000 hosts", candidates(&store, "resources=VCPU:1,MEMORY_MB:512&limit=1").await),
        row(
            "one candidate of a group and a suffixed one",
            candidates(&store, "resources=MEMORY_MB:512,DISK_GB:1&resources1=VCPU:1&limit=1").await,
        ),
    ];
    println!("{}", json!({"benchmark": "placement in one process, store in memory", "rows": rows}));
    Ok(())
}
