use super::*;
use crate::model::{Inventory, ProviderId};
use kernel::Timestamp;
use ports::Roster;
use store::{Schema, Store};

fn provider(name: &str, used_mib: u64) -> Provider {
    let host = HostName::from(name);
    Provider {
        zone: if name.starts_with('b') { "backyard".into() } else { "nova".into() },
        inventories: [
            ("VCPU".into(), Inventory::plain(4, 0, 1.0)),
            ("MEMORY_MB".into(), Inventory::plain(1000, 0, 1.0)),
        ]
        .into(),
        traits: if name.ends_with('t') { ["CUSTOM_T".into()].into() } else { [].into() },
        used: [("MEMORY_MB".into(), used_mib)].into(),
        host: Some(host.clone()),
        ..Provider::new(ProviderId::of_host(&host), name.into(), Timestamp::default())
    }
}

fn hosts() -> Vec<Provider> {
    vec![provider("a1", 0), provider("a2", 500), provider("b1", 0), provider("a3t", 900)]
}

/// The same hosts, some with a label.
fn labelled(labels: &[(&str, &str, &str)]) -> Vec<Provider> {
    let mut hosts = hosts();
    for (host, key, value) in labels {
        let provider = hosts.iter_mut().find(|p| p.name == *host).unwrap();
        provider.labels.entry((*key).to_owned()).or_default().insert((*value).to_owned());
    }
    hosts
}

fn request() -> PlaceRequest {
    PlaceRequest {
        consumer: "c".into(),
        project: "p1".into(),
        flavor: "m1".into(),
        resources: [("VCPU".into(), 1), ("MEMORY_MB".into(), 100)].into(),
        roster: Roster::of(["a1", "a2", "b1", "a3t"].map(HostName::from)),
        ..PlaceRequest::default()
    }
}

/// A view that holds these hosts.
fn view(hosts: &[Provider]) -> Snapshot {
    let hosts = hosts.to_vec();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async move {
        let store = Store::in_memory(crate::schema(Schema::new())).await;
        let written = store.transact("test", move |tx| {
            hosts.iter().for_each(|p| drop(tx.put(p.clone())));
            Ok(())
        });
        written.await.unwrap();
        store.snapshot()
    })
}

fn among(hosts: Vec<Provider>, request: &PlaceRequest, weights: &Weights) -> Option<String> {
    let view = view(&hosts);
    choose(&Asked::new(request, &view), weights, hosts.into_iter().map(Arc::new)).map(|p| p.name.clone())
}

#[track_caller]
fn check_among(hosts: Vec<Provider>, change: impl FnOnce(&mut PlaceRequest), expect: Option<&str>) {
    let mut request = request();
    change(&mut request);
    assert_eq!(among(hosts, &request, &Weights::default()).as_deref(), expect, "{request:?}");
}

#[track_caller]
fn check(change: impl FnOnce(&mut PlaceRequest), expect: Option<&str>) {
    check_among(hosts(), change, expect);
}

/// Of equal hosts the same one is taken each time; which, the hash says.
fn choose_name(names: &[&'static str]) -> Option<&'static str> {
    let request = request();
    names.iter().copied().max_by_key(|name| {
        let provider = provider(name, 0);
        tie(&request, Host { name: provider.host.as_ref().unwrap(), provider: &provider, load: None })
    })
}

#[test]
fn filters_and_weighers_choose() {
    let zone = |r: &mut PlaceRequest| r.availability_zone = Some("nova".into());
    check(zone, Some("a1"));
    check(|r| r.availability_zone = Some("backyard".into()), Some("b1"));
    check(|r| r.availability_zone = Some("elsewhere".into()), None);
    check(|r| r.required_traits = vec!["CUSTOM_T".into()], Some("a3t"));
    check(|r| (r.required_traits, r.forbidden_traits) = (vec![], vec!["CUSTOM_T".into()]), choose_name(&["a1", "b1"]));
    check(|r| r.only_hosts = vec!["a2".into()], Some("a2"));
    check(|r| r.not_hosts = ["a1", "b1"].map(HostName::from).into(), Some("a2"));
    check(|r| r.roster = Roster::of(["a2".into()]), Some("a2"));
    check(|r| r.roster = Roster::default(), None);
    check(|r| r.same_as = vec!["a3t".into()], Some("a3t"));
    check(|r| r.different_from = ["a1", "b1", "a2"].map(HostName::from).into(), Some("a3t"));
    check(|r| r.resources.extend([("VCPU".into(), 5)]), None);
    check(|r| r.resources.extend([("VGPU".into(), 1)]), None);
}

#[test]
fn soft_rules_are_wishes() {
    check(|r| (r.soft, r.same_as) = (true, vec!["a2".into()]), Some("a2"));
    check(|r| (r.soft, r.same_as) = (true, vec!["gone".into()]), choose_name(&["a1", "b1"]));
    check(|r| (r.soft, r.different_from) = (true, ["a1", "b1", "a2"].map(HostName::from).into()), Some("a3t"));
    let all = ["a1", "b1", "a2", "a3t", "a1"].map(HostName::from);
    check(|r| (r.soft, r.different_from) = (true, all.into()), Some("b1"));
}

/// Racks: a1 and b1 in one, a2 in another, of a3t nobody has said.
#[test]
fn servers_are_kept_apart_by_failure_domains() {
    let racks = || labelled(&[("a1", "rack", "r1"), ("b1", "rack", "r1"), ("a2", "rack", "r2")]);
    let by_rack = |r: &mut PlaceRequest| r.domain = Domain::Label("rack".into());
    let away = |r: &mut PlaceRequest, hosts: &[&str]| {
        by_rack(r);
        r.different_from = hosts.iter().map(|h| HostName::from(*h)).collect();
    };
    check_among(racks(), |r| away(r, &["a1"]), Some("a2"));
    check_among(racks(), |r| away(r, &["b1", "a2"]), Some("a3t"));
    check_among(racks(), |r| away(r, &["b1", "a2", "a3t"]), None);
    check_among(racks(), |r| (away(r, &["b1", "a1", "a2", "a3t"]), r.soft = true).1, Some("a2"));
    check_among(racks(), |r| (by_rack(r), r.same_as = vec!["a2".into()]).1, Some("a2"));
    check_among(
        racks(),
        |r| (by_rack(r), (r.same_as, r.not_hosts) = (vec!["b1".into()], ["b1".into()].into())).1,
        Some("a1"),
    );
}

#[test]
fn aggregates_keep_their_hosts_for_some() {
    let kept = |key: &str, value: &str| labelled(&[("a1", key, value), ("b1", key, value)]);
    check_among(kept("filter_tenant_id", "p2, p3"), |_| (), Some("a2"));
    check_among(kept("filter_tenant_id2", "p3,p1"), |_| (), choose_name(&["a1", "b1"]));
    check_among(kept("instance_type", "m2"), |_| (), Some("a2"));
    check_among(kept("instance_type", "m1,m2"), |_| (), choose_name(&["a1", "b1"]));
    let os = |r: &mut PlaceRequest| r.image_properties = [("os_distro".into(), "debian".into())].into();
    check_among(kept("os_distro", "windows"), os, Some("a2"));
    check_among(kept("os_distro", "windows,debian"), os, choose_name(&["a1", "b1"]));
    check_among(kept("os_distro", "windows"), |_| (), choose_name(&["a1", "b1"]));
    check_among(kept("trait:CUSTOM_T", "required"), |_| (), Some("a2"));
    let mut with_trait = labelled(&[("a3t", "trait:CUSTOM_T", "required")]);
    with_trait[0].used = [("MEMORY_MB".into(), 1000)].into();
    check_among(with_trait, |r| r.required_traits = vec!["CUSTOM_T".into()], Some("a3t"));
}

#[test]
fn flavors_ask_for_labels() {
    let ssd = |condition: &'static str| {
        move |r: &mut PlaceRequest| r.label_conditions = [("disk".into(), condition.into())].into()
    };
    let hosts = || labelled(&[("a2", "disk", "ssd"), ("a3t", "disk", "hdd")]);
    check_among(hosts(), ssd("ssd"), Some("a2"));
    check_among(hosts(), ssd("s!= ssd"), Some("a3t"));
    check_among(hosts(), ssd("<or> tape <or> hdd"), Some("a3t"));
    check_among(hosts(), ssd("tape"), None);
}

#[test]
fn measured_load_counts_and_weights_turn() {
    let busy = |r: &mut PlaceRequest| {
        r.roster = Roster::new(|_, host| {
            let cpu = if host == "a1" { 0.9 } else { 0.1 };
            Some(Load { cpu, memory: 0.2, ..Load::default() })
        });
        r.availability_zone = Some("nova".into());
        r.not_hosts = ["a3t".into()].into();
    };
    // a1 is empty but busy: half of a2's memory is claimed, and little of it used.
    check(busy, Some("a2"));
    let (mut request, view) = (request(), view(&hosts()));
    busy(&mut request);
    let chosen = |weights: &Weights| {
        let asked = Asked::new(&request, &view);
        choose(&asked, weights, hosts().into_iter().map(Arc::new)).map(|p| p.name.clone())
    };
    assert_eq!(chosen(&Weights { load: 0.0, ..Weights::default() }).as_deref(), Some("a1"));
    request.roster = Roster::of(["a1", "a2"].map(HostName::from));
    let pack = Weights { memory: -1.0, cpu: -1.0, disk: -1.0, ..Weights::default() };
    assert_eq!(among(hosts(), &request, &pack).as_deref(), Some("a2"));
}

#[test]
fn equal_requests_spread_over_equal_hosts() {
    let hosts: Vec<_> = (0..10).map(|n| provider(&format!("a{n}"), 0)).collect();
    let (view, mut taken) = (view(&hosts), HashSet::new());
    for n in 0..100 {
        let mut request = request();
        request.roster = Roster::of(hosts.iter().filter_map(|p| p.host.clone()));
        request.consumer = format!("c{n}");
        let chosen =
            choose(&Asked::new(&request, &view), &Weights::default(), hosts.iter().cloned().map(Arc::new)).unwrap();
        taken.insert(chosen.name.clone());
    }
    assert!(taken.len() > 7, "{taken:?}");
}

#[test]
fn every_refusal_says_why_and_the_smallest_change_is_named() {
    let mut request = request();
    request.resources = [("MEMORY_MB".into(), 600)].into();
    request.availability_zone = Some("nova".into());
    request.roster = Roster::of(["a2", "b1", "a3t"].map(HostName::from));
    let mut all = hosts();
    all[0].used = [("MEMORY_MB".into(), 950)].into();
    let view = view(&all);
    let told = |request: &PlaceRequest| explain(&Asked::new(request, &view), all.iter().cloned().map(Arc::new));
    let said = told(&request);
    let why: Vec<_> = said.hosts.iter().map(|(host, why)| (host.as_str(), why.as_str())).collect();
    assert_eq!(
        why,
        [
            ("a1", "600 MEMORY_MB asked, 50 free of 1000: 550 missing"),
            ("a2", "600 MEMORY_MB asked, 500 free of 1000: 100 missing"),
            ("b1", "it is in the availability zone backyard, nova was asked for"),
            ("a3t", "600 MEMORY_MB asked, 100 free of 1000: 500 missing"),
        ]
    );
    assert_eq!(said.nearest.as_deref(), Some("a2 would fit if 100 MEMORY_MB less were asked for, or given back there"));
    // With more asked for, another zone is nearer than so much less memory; beyond any host nothing helps.
    request.resources = [("MEMORY_MB".into(), 1000)].into();
    request.not_hosts = ["a2".into()].into();
    assert_eq!(told(&request).nearest.as_deref(), Some("b1 would fit if the zone backyard were asked for, or none"));
    request.resources = [("VGPU".into(), 1)].into();
    assert_eq!(told(&request).nearest, None);
}
