use super::*;
use crate::model::{Inventory, ProviderId};
use kernel::Timestamp;

fn provider(name: &str, used_mib: u64) -> Arc<Provider> {
    let host = HostName::from(name);
    let id = ProviderId::of_host(&host);
    Arc::new(Provider {
        host: Some(host),
        zone: if name.starts_with('b') { "backyard".into() } else { "nova".into() },
        inventories: [
            ("VCPU".into(), Inventory::plain(4, 0, 1.0)),
            ("MEMORY_MB".into(), Inventory::plain(1000, 0, 1.0)),
        ]
        .into(),
        traits: if name.ends_with('t') { ["CUSTOM_T".into()].into() } else { [].into() },
        used: [("MEMORY_MB".into(), used_mib)].into(),
        ..Provider::new(id, name.into(), Timestamp::default())
    })
}

fn hosts() -> Vec<Arc<Provider>> {
    vec![provider("a1", 0), provider("a2", 500), provider("b1", 0), provider("a3t", 900)]
}

fn request() -> PlaceRequest {
    PlaceRequest {
        consumer: "c".into(),
        resources: [("VCPU".into(), 1), ("MEMORY_MB".into(), 100)].into(),
        expected: ["a1", "a2", "b1", "a3t"].map(HostName::from).into(),
        ..PlaceRequest::default()
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut PlaceRequest), expect: Option<&str>) {
    let mut request = request();
    change(&mut request);
    let chosen = choose(&request, hosts().into_iter()).map(|p| p.name.clone());
    assert_eq!(chosen.as_deref(), expect, "{request:?}");
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
    check(|r| r.expected = vec!["a2".into()], Some("a2"));
    check(|r| r.expected = vec![], None);
    check(|r| r.same_as = vec!["a3t".into()], Some("a3t"));
    check(|r| r.different_from = ["a1", "b1", "a2"].map(HostName::from).into(), Some("a3t"));
    check(|r| r.resources.extend([("VCPU".into(), 5)]), None);
    check(|r| r.resources.extend([("VGPU".into(), 1)]), None);
}

/// Of equal hosts the same one is taken each time; which, the hash says.
fn choose_name(names: &[&'static str]) -> Option<&'static str> {
    let request = request();
    names.iter().copied().max_by_key(|name| {
        let provider = provider(name, 0);
        tie(&request, host(&provider).unwrap())
    })
}

#[test]
fn soft_rules_are_wishes() {
    check(|r| (r.soft, r.same_as) = (true, vec!["a2".into()]), Some("a2"));
    check(|r| (r.soft, r.same_as) = (true, vec!["gone".into()]), choose_name(&["a1", "b1"]));
    check(|r| (r.soft, r.different_from) = (true, ["a1", "b1", "a2"].map(HostName::from).into()), Some("a3t"));
    let all = ["a1", "b1", "a2", "a3t", "a1"].map(HostName::from);
    check(|r| (r.soft, r.different_from) = (true, all.into()), Some("b1"));
}

#[test]
fn equal_requests_spread_over_equal_hosts() {
    let hosts: Vec<_> = (0..10).map(|n| provider(&format!("a{n}"), 0)).collect();
    let mut taken = HashSet::new();
    for n in 0..100 {
        let mut request = request();
        request.expected = hosts.iter().filter_map(|p| p.host.clone()).collect();
        request.consumer = format!("c{n}");
        taken.insert(choose(&request, hosts.iter().cloned()).unwrap().name.clone());
    }
    assert!(taken.len() > 7, "{taken:?}");
}

#[test]
fn every_refusal_says_why() {
    let mut request = request();
    request.resources = [("MEMORY_MB".into(), 600)].into();
    request.availability_zone = Some("nova".into());
    request.expected.retain(|h| h != "a1");
    let told = explain(&request, hosts().into_iter());
    let told: Vec<_> = told.iter().map(|(host, why)| (host.as_str(), why.as_str())).collect();
    assert_eq!(
        told,
        [
            ("a1", "it is disabled or its agent is not connected"),
            ("a2", "600 MEMORY_MB asked, 500 free of 1000: 100 missing"),
            ("b1", "it is in the availability zone backyard, nova was asked for"),
            ("a3t", "600 MEMORY_MB asked, 100 free of 1000: 500 missing"),
        ]
    );
}
