//! Two hosts, `big` with two NUMA nodes that have the processors, `flat` with everything itself; `nfs` shares disk with both, `far` with
//! `flat` alone.

use super::*;
use crate::model::{Inventory, SHARING};
use kernel::Timestamp;
use store::{Schema, Store, Tx};

const NEAR: &str = "aggregate-near";
const FAR: &str = "aggregate-far";

fn put(tx: &mut Tx, id: &str, parent: Option<&str>, inventories: &[(&str, u64)], traits: &[&str], aggregates: &[&str]) {
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    tx.put(Provider {
        parent: parent.map(ProviderId::from),
        inventories: inventories.iter().map(|(class, n)| ((*class).into(), Inventory::plain(*n, 0, 1.0))).collect(),
        traits: names(traits),
        aggregates: names(aggregates),
        ..Provider::new(id.into(), id.into(), Timestamp::default())
    });
}

async fn world() -> Snapshot {
    let store = Store::in_memory(crate::schema(Schema::new())).await;
    let fill = |tx: &mut Tx| {
        put(tx, "big", None, &[("MEMORY_MB", 1000)], &["CUSTOM_BIG"], &[NEAR]);
        put(tx, "numa0", Some("big"), &[("VCPU", 4)], &["HW_NUMA_ROOT", "CUSTOM_FAST"], &[]);
        put(tx, "numa1", Some("big"), &[("VCPU", 8)], &["HW_NUMA_ROOT"], &[]);
        put(tx, "nic", Some("numa1"), &[("SRIOV_NET_VF", 2)], &[], &[]);
        put(tx, "flat", None, &[("MEMORY_MB", 500), ("VCPU", 4), ("DISK_GB", 10)], &[], &[NEAR, FAR]);
        put(tx, "nfs", None, &[("DISK_GB", 100)], &[SHARING], &[NEAR]);
        put(tx, "remote", None, &[("DISK_GB", 50)], &[SHARING, "CUSTOM_FAST"], &[FAR]);
        Ok(())
    };
    store.transact("test", fill).await.unwrap();
    store.snapshot()
}

fn names(list: &str) -> BTreeSet<String> {
    list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// `VCPU:1,DISK_GB:5`
fn group(suffix: &str, resources: &str) -> Group {
    let items = resources.split(',').filter_map(|item| item.split_once(':'));
    let resources = items.map(|(class, n)| (class.to_owned(), n.parse().unwrap())).collect();
    Group { suffix: suffix.into(), resources, ..Group::default() }
}

fn required(mut group: Group, all: &str, none: &str) -> Group {
    group.traits = Traits { any_of: names(all).into_iter().map(|name| [name].into()).collect(), none_of: names(none) };
    group
}

fn of(groups: Vec<Group>) -> Request {
    Request { groups, ..Request::default() }
}

/// Each candidate as `provider=CLASS:amount+… …`, sorted.
fn told(view: &Snapshot, request: &Request) -> Vec<String> {
    let one = |candidate: &Candidate| {
        let parts = candidate.allocations.iter().map(|(id, resources)| {
            let list: Vec<_> = resources.iter().map(|(class, n)| format!("{class}:{n}")).collect();
            format!("{id}={}", list.join("+"))
        });
        parts.collect::<Vec<_>>().join(" ")
    };
    let mut all: Vec<_> = search(view, request).requests.iter().map(one).collect();
    all.sort();
    all
}

#[tokio::test]
async fn groups_are_served_by_trees_and_those_who_share() {
    let view = world().await;
    let check = |request: Request, expect: &[&str]| assert_eq!(told(&view, &request), expect, "{request:?}");
    check(of(vec![group("", "VCPU:3")]), &["flat=VCPU:3", "numa0=VCPU:3", "numa1=VCPU:3"]);
    check(of(vec![group("", "VCPU:5,MEMORY_MB:600")]), &["big=MEMORY_MB:600 numa1=VCPU:5"]);
    check(of(vec![group("", "VCPU:9")]), &[]);
    // The host's own disk is too small.
    check(
        of(vec![group("", "MEMORY_MB:1,DISK_GB:20")]),
        &["big=MEMORY_MB:1 nfs=DISK_GB:20", "flat=MEMORY_MB:1 nfs=DISK_GB:20", "flat=MEMORY_MB:1 remote=DISK_GB:20"],
    );
    check(of(vec![group("", "DISK_GB:60")]), &["nfs=DISK_GB:60"]);
    // A suffixed group wants all of one provider.
    check(of(vec![group("1", "VCPU:1,MEMORY_MB:1")]), &["flat=MEMORY_MB:1+VCPU:1"]);
}

#[tokio::test]
async fn traits_are_of_all_providers_together_or_of_one() {
    let view = world().await;
    let check = |request: Request, expect: &[&str]| assert_eq!(told(&view, &request), expect, "{request:?}");
    let both = "CUSTOM_BIG,CUSTOM_FAST";
    check(of(vec![required(group("", "VCPU:1,MEMORY_MB:1"), both, "")]), &["big=MEMORY_MB:1 numa0=VCPU:1"]);
    check(of(vec![required(group("1", "VCPU:1"), both, "")]), &[]);
    check(of(vec![required(group("1", "VCPU:1"), "CUSTOM_FAST", "")]), &["numa0=VCPU:1"]);
    check(of(vec![required(group("", "VCPU:1,MEMORY_MB:1"), "", "HW_NUMA_ROOT")]), &["flat=MEMORY_MB:1+VCPU:1"]);
    let mut rooted = of(vec![group("", "VCPU:1")]);
    rooted.root.none_of = names("CUSTOM_BIG");
    check(rooted, &["flat=VCPU:1"]);
}

#[tokio::test]
async fn aggregates_and_trees_narrow() {
    let view = world().await;
    let check = |change: &dyn Fn(&mut Group), wanted: &str, expect: &[&str]| {
        let mut one = group("", wanted);
        change(&mut one);
        assert_eq!(told(&view, &of(vec![one.clone()])), expect, "{one:?}");
    };
    check(&|g| g.member_of.any_of = vec![names(FAR)], "VCPU:1", &["flat=VCPU:1"]);
    // Being in it is enough for the root, but whoever shares must be in it too.
    check(&|g| g.member_of.any_of = vec![names(NEAR)], "VCPU:8", &["numa1=VCPU:8"]);
    check(
        &|g| g.member_of.any_of = vec![names(FAR)],
        "MEMORY_MB:1,DISK_GB:20",
        &["flat=MEMORY_MB:1 remote=DISK_GB:20"],
    );
    check(&|g| g.member_of.none_of = names(FAR), "VCPU:1", &["numa0=VCPU:1", "numa1=VCPU:1"]);
    check(&|g| g.in_tree = Some("nic".into()), "VCPU:1", &["numa0=VCPU:1", "numa1=VCPU:1"]);
    check(&|g| g.in_tree = Some("flat".into()), "MEMORY_MB:1,DISK_GB:20", &[]);
    check(&|g| g.in_tree = Some("nobody".into()), "VCPU:1", &[]);
}

#[tokio::test]
async fn groups_go_together_or_not() {
    let view = world().await;
    let check = |request: Request, expect: &[&str]| assert_eq!(told(&view, &request), expect, "{request:?}");
    let two = || vec![group("1", "VCPU:4"), group("2", "VCPU:4")];
    // The same provider may serve both if it has enough; and each of two may serve either.
    check(of(two()), &["numa0=VCPU:4 numa1=VCPU:4", "numa0=VCPU:4 numa1=VCPU:4", "numa1=VCPU:8"]);
    let isolated = Request { policy: Policy::Isolate, ..of(two()) };
    check(isolated, &["numa0=VCPU:4 numa1=VCPU:4", "numa0=VCPU:4 numa1=VCPU:4"]);
    let near = |suffixes: &str| {
        let groups = vec![group("_CPU", "VCPU:1"), group("_NIC", "SRIOV_NET_VF:1")];
        Request { same_subtrees: vec![names(suffixes)], ..of(groups) }
    };
    check(near("_CPU"), &["nic=SRIOV_NET_VF:1 numa0=VCPU:1", "nic=SRIOV_NET_VF:1 numa1=VCPU:1"]);
    check(near("_CPU,_NIC"), &["nic=SRIOV_NET_VF:1 numa1=VCPU:1"]);
}

#[tokio::test]
async fn old_clients_see_no_trees_and_limits_are_kept() {
    let view = world().await;
    let old = Request { trees: Trees::Unknown, ..of(vec![group("", "VCPU:1,MEMORY_MB:1")]) };
    assert_eq!(told(&view, &old), ["flat=MEMORY_MB:1+VCPU:1"]);
    let summaries: Vec<_> = search(&view, &old).summaries.iter().map(|s| s.provider.id.to_string()).collect();
    assert_eq!(summaries, ["flat"]);
    let limited = Request { limit: Some(1), ..of(vec![group("", "SRIOV_NET_VF:1")]) };
    let found = search(&view, &limited);
    let whole_tree: BTreeSet<_> = found.summaries.iter().map(|s| s.provider.id.as_str()).collect();
    assert_eq!((found.requests.len(), whole_tree), (1, ["big", "nic", "numa0", "numa1"].into()));
    assert!(found.summaries.iter().all(|s| s.root.as_str() == "big"));
    assert_eq!(told(&view, &Request { limit: Some(2), ..of(vec![group("", "VCPU:1")]) }).len(), 2);
}
