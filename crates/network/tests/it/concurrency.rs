//! Many at once: nothing is given out twice, nothing is left behind.

use crate::support::{World, address, id};
use kernel::SystemClock;
use network::Settings;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use store::{Memory, Schema, Store};
use tokio::task::JoinSet;

/// Two members over one log: only claims stand between them.
async fn members() -> (World, World) {
    let shared = Memory::new();
    let open = || async { Store::open(shared.clone(), network::schema(Schema::new())).await.unwrap() };
    let clock = SystemClock::shared();
    let first = World::over(open().await, Settings::default(), clock.clone()).await;
    let second = World::over(open().await, Settings::default(), clock).await;
    (first, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_clients_get_thirty_two_addresses() {
    let (first, second) = members().await;
    // 32 addresses for 32 clients, each of whom asks twice.
    let network = id(&first.red().make("network", json!({})).await);
    let pools = json!([{"start": "10.0.0.10", "end": "10.0.0.41"}]);
    let subnet = json!({"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24", "enable_dhcp": false, "allocation_pools": pools});
    first.red().make("subnet", subnet).await;
    second.store.read().await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..32 {
        let client = if n % 2 == 0 { first.red() } else { second.red() };
        let body = json!({"port": {"network_id": network}});
        tasks.spawn(async move {
            let mut answers = Vec::new();
            for _ in 0..2 {
                answers.push(client.call("POST ports", body.clone()).await);
            }
            answers
        });
    }
    let (mut given, mut refused) = (Vec::new(), 0);
    while let Some(answers) = tasks.join_next().await {
        for answer in answers.unwrap() {
            match answer.status {
                201 => given.push(address(&answer.json()["port"])),
                409 => {
                    assert_eq!(answer.json()["NeutronError"]["type"], "IpAddressGenerationFailure");
                    refused += 1;
                }
                503 => {} // conflicts beyond what a request bears; the client may ask again
                other => panic!("{other}: {}", answer.text()),
            }
        }
    }
    let distinct: BTreeSet<_> = given.iter().collect();
    assert_eq!(distinct.len(), given.len(), "an address was given out twice: {given:?}");
    assert!(given.len() <= 32 && given.len() + refused <= 64);
    // Whatever the conflicts did, all 32 can be had.
    while given.len() < 32 {
        given.push(address(&first.red().port(&network).await));
    }
    first
        .red()
        .refused(409, "IpAddressGenerationFailure", "POST ports", json!({"port": {"network_id": network}}))
        .await;
    first.audit_store().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_address_for_many_who_want_it() {
    let (first, second) = members().await;
    let (network, _) = first.red().network("n", "10.0.0.0/24").await;
    second.store.read().await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let client = if n % 2 == 0 { first.red() } else { second.red() };
        let body = json!({"port": {"network_id": network, "fixed_ips": [{"ip_address": "10.0.0.99"}]}});
        tasks.spawn(async move { client.call("POST ports", body).await.status });
    }
    let statuses: Vec<_> = tasks.join_all().await;
    assert_eq!(statuses.iter().filter(|s| **s == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|s| [201, 409, 503].contains(s)), "{statuses:?}");
    first.store.read().await.unwrap();
    first.audit_store().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn first_use_by_many_makes_one_default_group() {
    let (first, second) = members().await;
    let mut tasks = JoinSet::new();
    for n in 0..12 {
        let client = if n % 2 == 0 { first.red() } else { second.red() };
        tasks.spawn(async move { client.call("GET security-groups", None).await.status });
    }
    let statuses = tasks.join_all().await;
    assert!(statuses.iter().all(|s| [200, 503].contains(s)), "{statuses:?}");
    second.store.read().await.unwrap();
    assert_eq!(second.red().list("security-groups").await.len(), 1);
    second.audit_store().await;
}

/// A network is deleted while others put ports on it: either they come too late or it stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deleting_what_others_come_to_use() {
    let (first, second) = members().await;
    for round in 0..12 {
        let (network, _) = first.red().network("n", "10.0.0.0/24").await;
        second.store.read().await.unwrap();
        let create = json!({"port": {"network_id": network}});
        let delete = format!("DELETE networks/{network}");
        let (one, two) = (first.red(), second.red());
        let (deleted, created) = tokio::join!(one.call(&delete, None), two.call("POST ports", create));
        first.store.read().await.unwrap();
        let there = first.red().call(&format!("GET networks/{network}"), None).await.status == 200;
        let ports: Vec<Value> = first.red().list(&format!("ports?network_id={network}&device_owner=")).await;
        match (deleted.status, created.status) {
            (204, 404 | 409) => assert!(!there && ports.is_empty(), "round {round}"),
            (409, 201) => assert!(there && ports.len() == 1, "round {round}"),
            other => panic!("round {round}: {other:?}: {} {}", deleted.text(), created.text()),
        }
        for port in ports {
            first.red().delete("port", &id(&port)).await;
        }
        first.audit_store().await;
        if there {
            first.red().delete("network", &network).await;
        }
    }
}
