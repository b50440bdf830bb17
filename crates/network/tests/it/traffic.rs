//! What hosts count becomes ports' and projects' numbers: never twice, never less, whoever is asked after whatever happened.

use crate::support::{RED, World, id, manual_clock};
use flow::Reconciler;
use network::{
    Settings,
    traffic::{CountTraffic, PortCounters, TrafficReport},
};
use std::time::Duration;

fn report(port: &str, series: &str, bytes: u64, ended: bool) -> TrafficReport {
    let counters = PortCounters { rx_bytes: bytes, tx_packets: bytes / 10, ..PortCounters::default() };
    TrafficReport { port: port.into(), series: series.into(), counters, ended }
}

/// The host says so, and is asked.
async fn heard(world: &World, member: &CountTraffic, reports: Vec<TrafficReport>) {
    *world.hosts.counted.lock() = Some(reports);
    member.reconcile().await.unwrap();
}

fn of(world: &World, port: &str) -> Option<u64> {
    world.net.traffic_of_port(&port.into()).map(|t| t.counters.rx_bytes)
}

fn sum(world: &World) -> Option<(u64, u64)> {
    let all = world.net.project_traffic(Some(&RED.into()));
    all.first().map(|p| (p.ports, p.counters.rx_bytes))
}

#[tokio::test]
async fn ports_and_projects_add_up_and_never_fall() {
    let clock = manual_clock();
    let world = World::with(Settings::default(), clock.clone()).await;
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let (a, b) = (id(&red.port(&network).await), id(&red.port(&network).await));
    let member = CountTraffic::new(&world.net);
    assert_eq!((of(&world, &a), sum(&world)), (None, None));

    heard(&world, &member, vec![report(&a, "d1", 100, false), report(&b, "d2", 10, false)]).await;
    assert_eq!((of(&world, &a), of(&world, &b), sum(&world)), (Some(100), Some(10), Some((2, 110))));
    let revision = world.store.snapshot().revision();
    heard(&world, &member, vec![report(&a, "d1", 150, false), report(&b, "d2", 10, false)]).await;
    assert_eq!((of(&world, &a), sum(&world)), (Some(150), Some((2, 160))));
    assert_eq!(world.store.snapshot().revision(), revision, "load that goes on is not written each time");

    // A member that begins anew knows what was written, hears the rest, and never shows less than it wrote.
    let again = World::over(world.store.clone(), Settings::default(), clock.clone()).await;
    assert_eq!(of(&again, &a), Some(100));
    let other = CountTraffic::new(&again.net);
    heard(&again, &other, vec![report(&a, "d1", 160, false)]).await;
    assert_eq!(of(&again, &a), Some(160));
    heard(&again, &other, vec![report(&a, "d1", 120, false)]).await;
    assert_eq!(of(&again, &a), Some(160), "what comes late takes nothing away");
    clock.advance(Duration::from_secs(301));
    heard(&again, &other, vec![report(&a, "d1", 170, false)]).await;
    assert!(again.store.snapshot().revision() > revision, "after a while it is written");

    // The guest moves: one series ends, told twice, and another begins.
    for _ in 0..2 {
        heard(&again, &other, vec![report(&a, "d1", 200, true), report(&a, "d7", 5, false)]).await;
    }
    assert_eq!(of(&again, &a), Some(205));
    heard(&again, &other, vec![report(&a, "d7", 9, false)]).await;
    assert_eq!(*again.hosts.written.lock(), [(a.as_str().into(), "d1".to_owned())].into(), "the host may forget it");
    assert_eq!(of(&again, &a), Some(209));

    // Silence changes nothing, and a port that nobody knows is nobody's.
    *again.hosts.counted.lock() = None;
    other.reconcile().await.unwrap();
    assert_eq!(of(&again, &a), Some(209));
    heard(&again, &other, vec![report("stranger", "d9", 1000, true)]).await;
    assert_eq!((of(&again, "stranger"), sum(&again)), (None, Some((2, 219))));
}

#[tokio::test]
async fn what_a_port_that_is_gone_counted_stays_its_projects() {
    let clock = manual_clock();
    let world = World::with(Settings::default(), clock.clone()).await;
    let red = world.red();
    let (network, _) = red.network("n", "10.0.0.0/24").await;
    let port = id(&red.port(&network).await);
    let member = CountTraffic::new(&world.net);
    heard(&world, &member, vec![report(&port, "d1", 100, false)]).await;
    red.delete("port", &port).await;
    // Its end is told after it went.
    heard(&world, &member, vec![report(&port, "d1", 130, true)]).await;
    assert_eq!((of(&world, &port), sum(&world)), (Some(130), Some((1, 130))));
    clock.advance(Duration::from_secs(3600));
    heard(&world, &member, vec![]).await;
    assert_eq!((of(&world, &port), sum(&world)), (None, Some((0, 130))));
}
