//! What devices count is what guests sent and received, and a device that is made anew is told apart.

use crate::rig::{Guest, Rig, eventually, skipped};
use drivers_net::conformance::objects::{group, network, port, put, rule, subnet};
use network::{
    driver::{Direction, HostNetwork, NetworkBackend, PlugSpec, PortReading, Remote},
    traffic::PortCounters,
};
use std::net::UdpSocket;

const DATAGRAMS: u64 = 500;
const PAYLOAD: usize = 1000;
const FRAME: u64 = 1000 + 8 + 20 + 14;

async fn reading(rig: &Rig, guest: &Guest) -> PortReading {
    rig.hosts[0].network().counters().await.unwrap()[&guest.port].clone()
}

async fn datagrams(from: &Guest, to: &'static str) {
    let sending = move || {
        let socket = UdpSocket::bind(("0.0.0.0", 0))?;
        (0..DATAGRAMS).try_for_each(|_| {
            std::thread::sleep(std::time::Duration::from_micros(200)); // no queue is as long as all of it
            socket.send_to(&[7; PAYLOAD], (to, 9)).map(|_| ())
        })
    };
    from.netns.run(sending).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_guests_send_and_receive_is_counted() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, open) = (network(), group([rule(Direction::Ingress, None, None, Remote::Any)]));
    let (sub, shut) = (subnet(&net, "10.1.0.0/24"), group([]));
    let (a, b, c) = (port(&sub, 11, &[&open]), port(&sub, 12, &[&open]), port(&sub, 13, &[&shut]));
    let objects = [put(net), put(sub), put(open), put(shut), put(a.clone()), put(b.clone()), put(c.clone())];
    rig.backend.apply(&objects).await.unwrap();
    let ga = rig.ready_guest(0, &a, "").await;
    let gb = rig.ready_guest(0, &b, "").await;
    let gc = rig.ready_guest(0, &c, "").await;
    let (before_a, before_b, before_c) = (reading(&rig, &ga).await, reading(&rig, &gb).await, reading(&rig, &gc).await);
    datagrams(&ga, "10.1.0.12").await;
    datagrams(&ga, "10.1.0.13").await;
    let since = |now: PortReading, then: &PortReading| {
        assert_eq!(now.device, then.device);
        now.counters.since(then.counters)
    };
    let enough = |n: u64, packets: u64, bytes: u64| packets >= n && bytes >= n * FRAME;
    eventually("all of it has arrived", || async {
        let PortCounters { rx_packets, rx_bytes, .. } = since(reading(&rig, &gb).await, &before_b);
        enough(DATAGRAMS, rx_packets, rx_bytes)
    })
    .await;
    let sent = since(reading(&rig, &ga).await, &before_a);
    assert!(enough(2 * DATAGRAMS, sent.tx_packets, sent.tx_bytes), "{sent:?}");
    let received = since(reading(&rig, &gb).await, &before_b);
    // Some more: neighbours that ask for each other.
    assert!(received.rx_packets < DATAGRAMS + 100 && received.rx_bytes < (DATAGRAMS + 50) * FRAME, "{received:?}");
    let refused = since(reading(&rig, &gc).await, &before_c);
    assert!(refused.rx_packets < 100, "what its groups refuse does not reach it: {refused:?}");

    // Unplugged and plugged again, it is another device that counts from nothing.
    let host = rig.hosts[0].network();
    host.unplug(&b.id).await.unwrap();
    let spec = PlugSpec {
        port: b.id.clone(),
        network: b.network.clone(),
        tap: gb.tap.clone(),
        mac: b.mac,
        mtu: 1442,
        multi_queue: false,
    };
    host.plug(&spec).await.unwrap();
    let anew = reading(&rig, &gb).await;
    assert_ne!(anew.device, before_b.device);
    assert!(anew.counters.rx_packets < DATAGRAMS, "{anew:?}");
}
