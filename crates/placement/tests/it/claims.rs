use super::{report, request, with_hosts};
use kernel::{HostName, Kind, ServerId, Timestamp};
use placement::{
    Ratios, Scheduler,
    model::{Allocation, Provider},
};
use ports::{
    CellFit, Claim, Emulator, EmulatorFit, GuestCell, GuestTopology, HostCell, Inventory, Labels, Misfit, Placer,
    Threads,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use store::Store;

fn scheduler() -> Scheduler {
    Scheduler { ratios: Ratios { reserved_memory_mib: 100, ..Ratios::default() }, ..Scheduler::default() }
}

fn zone(zone: &str) -> Labels {
    Labels { zone: zone.into(), ..Labels::default() }
}

async fn claim(store: &Store, request: ports::PlaceRequest) -> kernel::Result<Claim> {
    store.transact("test", move |tx| scheduler().claim(tx, &request, Timestamp::from_secs(2))).await
}

#[tokio::test]
async fn a_claim_takes_and_a_release_gives_back() {
    let store = with_hosts(&scheduler(), vec![report("h1", 1, 1100), report("h2", 2, 1100)]).await;
    let hosts = ["h1", "h2"];
    assert_eq!(claim(&store, request("a", 1, 600, &["h1"])).await.unwrap().host, "h1");
    let again = claim(&store, request("a", 1, 600, &["h1"])).await.unwrap();
    assert_eq!(
        (again.host.as_str(), again.availability_zone.as_str()),
        ("h1", "nova"),
        "its own claim is in its way no more than once"
    );
    assert_eq!(claim(&store, request("b", 1, 600, &hosts)).await.unwrap().host, "h2");
    let refused = claim(&store, request("c", 1, 600, &hosts)).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (Kind::Conflict, Some("NoValidHost")));
    let told = scheduler().explain(&store.snapshot(), &request("c", 1, 600, &hosts));
    assert!(told.hosts.iter().all(|(_, why)| why == "600 MEMORY_MB asked, 400 free of 1000: 200 missing"), "{told:?}");
    store.transact("test", |tx| scheduler().release(tx, "a")).await.unwrap();
    store.transact("test", |tx| scheduler().release(tx, "a")).await.unwrap();
    assert!(scheduler().used(&store.snapshot(), &"h1".into()).is_empty());
    assert_eq!(claim(&store, request("c", 1, 600, &hosts)).await.unwrap().host, "h1");
    assert_eq!(placement::audit(&store.snapshot()), []);
}

/// What a consumer has already is not in its own way, and it can be left with less.
#[tokio::test]
async fn a_host_is_asked_whether_a_consumer_may_become_more() {
    let store = with_hosts(&scheduler(), vec![report("h1", 2, 1100)]).await;
    claim(&store, request("a", 1, 600, &["h1"])).await.unwrap();
    let misfit = |request: &ports::PlaceRequest| scheduler().misfit(&store.snapshot(), request, &"h1".into());
    let full = |why: &str| Some(Misfit { is_full: true, why: why.into() });
    assert_eq!(misfit(&request("a", 2, 1000, &["h1"])), None);
    assert_eq!(misfit(&request("a", 1, 1100, &["h1"])), full("1100 MEMORY_MB asked, 1000 free of 1000: 100 missing"));
    assert_eq!(misfit(&request("b", 1, 600, &["h1"])), full("600 MEMORY_MB asked, 400 free of 1000: 200 missing"));
    let mut picky = request("a", 1, 1100, &["h1"]);
    picky.required_traits.push("CUSTOM_X".into());
    let other = misfit(&picky).unwrap();
    assert!(!other.is_full && other.why.contains("CUSTOM_X"), "{other:?}");
    assert_eq!(misfit(&request("a", 1, 1, &[])).map(|m| m.is_full), Some(false), "no agent");
    assert!(scheduler().misfit(&store.snapshot(), &request("a", 1, 1, &["h2"]), &"h2".into()).is_some());
    // Less is kept, more is not given, and a class that is not named goes.
    for (keeps, has) in [(("MEMORY_MB", 400), 400), (("MEMORY_MB", 900), 400)] {
        let resources = [("VCPU".into(), 1), (keeps.0.into(), keeps.1)].into();
        store.transact("test", move |tx| scheduler().keep(tx, "a", &resources, Timestamp::from_secs(3))).await.unwrap();
        let used = scheduler().used(&store.snapshot(), &"h1".into());
        assert_eq!((used["MEMORY_MB"], used["VCPU"]), (has, 1));
    }
    store
        .transact("test", |tx| scheduler().keep(tx, "a", &[("VCPU".into(), 1)].into(), Timestamp::from_secs(4)))
        .await
        .unwrap();
    assert_eq!(scheduler().used(&store.snapshot(), &"h1".into()), [("VCPU".into(), 1)].into());
    store.transact("test", |tx| scheduler().keep(tx, "nobody", &[].into(), Timestamp::from_secs(4))).await.unwrap();
    assert_eq!(placement::audit(&store.snapshot()), []);
}

#[tokio::test]
async fn a_report_that_says_nothing_new_writes_nothing() {
    let store = with_hosts(&scheduler(), vec![report("h1", 1, 1100)]).await;
    let revision = store.snapshot().revision();
    store
        .transact("test", |tx| scheduler().report_inventory(tx, &report("h1", 1, 1100), Timestamp::from_secs(9)))
        .await
        .unwrap();
    assert_eq!(store.snapshot().revision(), revision);
    store
        .transact("test", |tx| scheduler().report_inventory(tx, &report("h1", 2, 1100), Timestamp::from_secs(9)))
        .await
        .unwrap();
    let provider = store.snapshot().all::<Provider>().next().unwrap();
    assert_eq!((provider.generation, provider.capacity("VCPU")), (2, 8));
}

#[tokio::test]
async fn zones_follow_what_compute_says() {
    let store = with_hosts(&scheduler(), vec![report("h1", 1, 1100), report("h2", 1, 1100)]).await;
    store.transact("test", |tx| scheduler().set_labels(tx, &"h2".into(), &zone("east"))).await.unwrap();
    store.transact("test", |tx| scheduler().set_labels(tx, &"unknown".into(), &zone("east"))).await.unwrap();
    let mut east = request("a", 1, 100, &["h1", "h2"]);
    east.availability_zone = Some("east".into());
    assert_eq!(claim(&store, east.clone()).await.unwrap().availability_zone, "east");
    east.consumer = "b".into();
    east.resources.insert("MEMORY_MB".into(), 950);
    assert!(claim(&store, east).await.is_err(), "the free host is in another zone");
}

/// Two processors for guests that want them to themselves.
#[tokio::test]
async fn cells_are_taken_with_the_claim_and_left_with_it() {
    let cell = HostCell { shared: [0, 1].into(), dedicated: [2, 3].into(), memory_mib: 1100, ..HostCell::default() };
    let report = Inventory { cells: vec![cell], ..report("h1", 2, 1100) };
    let store = with_hosts(&scheduler(), vec![report]).await;
    let wants = |consumer: &str, vcpus: u32| {
        let all: BTreeSet<u32> = (0..vcpus).collect();
        let cell = GuestCell { vcpus: all.clone(), dedicated: all, memory_mib: 100 };
        let topology = GuestTopology { cells: vec![cell], ..GuestTopology::default() };
        let mut request = request(consumer, 0, 100, &["h1"]);
        request.resources.remove("VCPU");
        request.resources.insert("PCPU".into(), u64::from(vcpus));
        ports::PlaceRequest { topology: Some(topology), ..request }
    };
    let pins = |claim: &Claim| claim.cells[0].pins.values().copied().collect::<Vec<_>>();
    assert_eq!(pins(&claim(&store, wants("a", 1)).await.unwrap()), [2]);
    assert_eq!(pins(&claim(&store, wants("a", 1)).await.unwrap()), [2], "its own cells are not in its way");
    assert_eq!(pins(&claim(&store, wants("b", 1)).await.unwrap()), [3]);
    assert!(claim(&store, wants("c", 1)).await.is_err());
    assert_eq!(placement::audit(&store.snapshot()), []);
    store.transact("test", |tx| scheduler().release(tx, "a")).await.unwrap();
    assert_eq!(pins(&claim(&store, wants("c", 1)).await.unwrap()), [2]);
    // Room enough by number, but not together: the reason is told.
    let two_cells = |mut request: ports::PlaceRequest| {
        let topology = request.topology.as_mut().unwrap();
        topology.cells.push(topology.cells[0].clone());
        request.resources.remove("PCPU");
        request
    };
    let told = scheduler().explain(&store.snapshot(), &two_cells(wants("d", 1)));
    assert_eq!(told.hosts[0].1, "2 NUMA nodes are asked for, it has 1");
    assert_eq!(placement::audit(&store.snapshot()), []);
}

#[tokio::test]
async fn the_audit_notices_a_sum_that_drifted() {
    let store = with_hosts(&scheduler(), vec![report("h1", 1, 1100)]).await;
    claim(&store, request("a", 1, 100, &["h1"])).await.unwrap();
    store.transact("test", |tx| Ok(tx.delete::<Allocation>("a"))).await.unwrap();
    let findings = placement::audit(&store.snapshot());
    assert_eq!(findings.len(), 1, "{findings:?}");
}

/// A guest of one NUMA node, some of its vCPUs with processors of their own; its claim of PCPU is what compute would ask for.
fn pinned(consumer: &str, (vcpus, dedicated): (u32, u32), threads: Threads, emulator: Emulator) -> ports::PlaceRequest {
    let dedicated = dedicated.min(vcpus);
    let cell = GuestCell { vcpus: (0..vcpus).collect(), dedicated: (0..dedicated).collect(), memory_mib: 10 };
    let topology = GuestTopology { cells: vec![cell], threads, emulator, ..GuestTopology::default() };
    let mut request = request(consumer, u64::from(vcpus - dedicated), 10, &["h1"]);
    let own = u64::from(dedicated) + u64::from(emulator == Emulator::Isolate);
    request.resources.insert("PCPU".into(), own);
    request.resources.retain(|_, amount| *amount > 0);
    ports::PlaceRequest { topology: Some(topology), ..request }
}

/// Three cores of two threads each to give away, two processors to share.
fn with_processors() -> Inventory {
    let cell = HostCell {
        shared: [0, 1].into(),
        dedicated: (2..8).collect(),
        siblings: vec![[2, 3].into(), [4, 5].into(), [6, 7].into()],
        memory_mib: 1100,
        ..HostCell::default()
    };
    Inventory { cells: vec![cell], vcpus: 64, ..report("h1", 1, 1100) }
}

/// A processor for the hypervisor is in the claim, in what is used, with whoever takes the claim over; and nobody else's.
#[tokio::test]
async fn a_processor_for_the_hypervisor_is_claimed() {
    let store = with_hosts(&scheduler(), vec![with_processors()]).await;
    let used = || scheduler().used(&store.snapshot(), &"h1".into()).get("PCPU").copied().unwrap_or(0);
    let isolated = pinned("a", (2, 2), Threads::Prefer, Emulator::Isolate);
    let got = claim(&store, isolated.clone()).await.unwrap();
    assert_eq!((&got.cells[0].emulator, used()), (&EmulatorFit::Own(4), 3));
    // As a resize on its own host does: the old claim is the migration's, and both are there.
    store.transact("test", |tx| scheduler().hand_over(tx, "a", "migration", Timestamp::from_secs(3))).await.unwrap();
    let shared = claim(&store, pinned("a", (2, 2), Threads::Prefer, Emulator::Share)).await.unwrap();
    assert_eq!((&shared.cells[0].emulator, used()), (&EmulatorFit::Shared([0, 1].into()), 5));
    assert!(
        claim(&store, pinned("b", (1, 1), Threads::Prefer, Emulator::Isolate)).await.is_err(),
        "one is left of two"
    );
    // And back.
    store.transact("test", |tx| scheduler().release(tx, "a")).await.unwrap();
    store.transact("test", |tx| scheduler().hand_over(tx, "migration", "a", Timestamp::from_secs(4))).await.unwrap();
    assert_eq!(used(), 3);
    assert_eq!(claim(&store, isolated).await.unwrap().cells, got.cells);
    assert_eq!(placement::audit(&store.snapshot()), []);
    // What the audit would say if it went to another as well.
    let double = vec![CellFit { pins: [(0, 4)].into(), ..got.cells[0].clone() }];
    let at = store.snapshot().all::<placement::model::HostCells>().next().unwrap().provider.clone();
    store
        .transact("test", move |tx| {
            tx.update::<placement::model::HostCells>(&at, |host| drop(host.taken.insert("b".into(), double.clone())));
            Ok(())
        })
        .await
        .unwrap();
    let said = placement::audit(&store.snapshot());
    assert!(said.iter().any(|finding| finding.detail.contains("processor 4 is")), "{said:?}");
}

fn pinned_acts() -> impl Strategy<Value = Vec<(u8, Option<(u32, u32, Threads, Emulator)>)>> {
    let threads = prop_oneof![Just(Threads::Prefer), Just(Threads::Require), Just(Threads::Isolate)];
    let emulator = prop_oneof![Just(Emulator::Beside), Just(Emulator::Share), Just(Emulator::Isolate)];
    let guest = (1..5u32, 0..5u32, threads, emulator);
    prop::collection::vec((0..5u8, prop::option::weighted(0.7, guest)), 1..40)
}

#[derive(Clone, Debug)]
enum Act {
    Claim { consumer: u8, vcpus: u64, memory: u64 },
    Release { consumer: u8 },
    Zone { host: u8, east: bool },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..12u8, 0..6u64, 0..700u64).prop_map(|(consumer, vcpus, memory)| Act::Claim { consumer, vcpus, memory }),
        2 => (0..12u8).prop_map(|consumer| Act::Release { consumer }),
        1 => (0..3u8, any::<bool>()).prop_map(|(host, east)| Act::Zone { host, east }),
    ];
    prop::collection::vec(act, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever guests come and go: no processor is two's, the hypervisor's included, what is used is what was given, and a claim is refused
    /// only where too few are free.
    #[test]
    fn processors_are_given_once(acts in pinned_acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = with_hosts(&scheduler(), vec![with_processors()]).await;
            let mut there: std::collections::BTreeMap<String, Vec<CellFit>> = Default::default();
            for (consumer, guest) in acts {
                let consumer = format!("c{consumer}");
                let mut others = there.clone();
                others.remove(&consumer);
                let taken: BTreeSet<u32> = others.values().flatten().flat_map(CellFit::own_processors).collect();
                let Some((vcpus, dedicated, threads, emulator)) = guest else {
                    let id = ServerId::from(consumer.clone());
                    store.transact("test", move |tx| scheduler().release(tx, &id)).await.unwrap();
                    there = others;
                    continue;
                };
                let asked = pinned(&consumer, (vcpus, dedicated), threads, emulator);
                let own = asked.resources.get("PCPU").copied().unwrap_or(0) as usize;
                match claim(&store, asked).await {
                    Ok(got) => {
                        let fit = &got.cells[0];
                        assert!(fit.own_processors().all(|cpu| (2..8).contains(&cpu) && !taken.contains(&cpu)), "{fit:?} {taken:?}");
                        let apart = matches!(&fit.emulator, EmulatorFit::Own(_));
                        assert_eq!((fit.pins.len() + usize::from(apart), apart), (own, emulator == Emulator::Isolate));
                        assert_eq!(matches!(&fit.emulator, EmulatorFit::Shared(_)), emulator == Emulator::Share);
                        assert!(fit.own_processors().collect::<BTreeSet<_>>().len() == own + fit.idle.len());
                        there = others;
                        there.insert(consumer, got.cells);
                    }
                    // What it had before is still its own: a transaction that fails writes nothing.
                    Err(_) => {
                        let sharing = vcpus - dedicated.min(vcpus) > 2;
                        assert!(threads != Threads::Prefer || sharing || taken.len() + own > 6, "{taken:?} {own}");
                    }
                }
                let snapshot = store.snapshot();
                assert_eq!(placement::audit(&snapshot), []);
                let given: usize = there.values().flatten().map(|fit| fit.own_processors().count() - fit.idle.len()).sum();
                let used = scheduler().used(&snapshot, &"h1".into()).get("PCPU").copied().unwrap_or(0);
                assert_eq!(used, given as u64);
            }
        });
    }

    /// Whatever is claimed and given back: no provider beyond its capacity, and the counts are the sums.
    #[test]
    fn claims_never_exceed_capacity(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let hosts = ["h0", "h1", "h2"];
            let store = with_hosts(&scheduler(), hosts.iter().map(|h| report(h, 2, 1100)).collect()).await;
            for act in acts {
                match act {
                    Act::Claim { consumer, vcpus, memory } => {
                        let _ = claim(&store, request(&format!("c{consumer}"), vcpus, memory, &hosts)).await;
                    }
                    Act::Release { consumer } => {
                        let id = ServerId::from(format!("c{consumer}"));
                        store.transact("test", move |tx| scheduler().release(tx, &id)).await.unwrap();
                    }
                    Act::Zone { host, east } => {
                        let (host, labels) = (HostName::from(hosts[usize::from(host)]), zone(if east { "east" } else { "nova" }));
                        store.transact("test", move |tx| scheduler().set_labels(tx, &host, &labels)).await.unwrap();
                    }
                }
                let snapshot = store.snapshot();
                assert_eq!(placement::audit(&snapshot), []);
                for provider in snapshot.all::<Provider>() {
                    for class in provider.inventories.keys() {
                        assert!(provider.used(class) <= provider.capacity(class), "{provider:?}");
                    }
                }
            }
        });
    }
}
