//! Samples of a network's packets reach a collector, and nobody else's do.

use crate::rig::{Guest, Rig, eventually, skipped};
use drivers_net::{
    conformance::objects::{group, network, port, put, rule, subnet},
    netns::Netns,
};
use network::{
    driver::{Direction, HostNetwork, NetworkBackend, Remote},
    traffic::FlowExport,
};
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex},
};

/// Of an IPFIX message (RFC 7011): its observation domain, and its bytes.
type Received = Arc<Mutex<Vec<(u32, Vec<u8>)>>>;

/// A collector, at an address of the host.
async fn collector(host: &Netns) -> (SocketAddr, Received) {
    let socket = host.run(|| UdpSocket::bind(("127.0.0.1", 0))).await.unwrap().unwrap();
    let (at, received) = (socket.local_addr().unwrap(), Received::default());
    let messages = received.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 9000];
        while let Ok(length) = socket.recv(&mut buffer) {
            let message = &buffer[..length];
            assert_eq!(message[..2], [0, 10], "the version is IPFIX's");
            messages.lock().unwrap().push((u32::from_be_bytes(message[12..16].try_into().unwrap()), message.to_vec()));
        }
    });
    (at, received)
}

/// A record tells of packets from here to there: both addresses, one after the other.
fn tells(received: &Received, domain: u32, from: &str, to: &str) -> bool {
    let pair = [from, to].map(|a| a.parse::<Ipv4Addr>().unwrap().octets()).concat();
    received.lock().unwrap().iter().any(|(of, message)| *of == domain && message.windows(8).any(|w| w == pair))
}

async fn talk(from: &Guest, to: &'static str) {
    let sending = move || {
        let socket = UdpSocket::bind(("0.0.0.0", 0))?;
        (0..20).try_for_each(|_| socket.send_to(b"hello", (to, 9)).map(|_| ()))
    };
    from.netns.run(sending).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_one_network_reach_its_collector() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let open = group([rule(Direction::Ingress, None, None, Remote::Any)]);
    let (red, blue) = (network(), network());
    let (rs, bs) = (subnet(&red, "10.1.0.0/24"), subnet(&blue, "10.2.0.0/24"));
    let ports = [(&rs, 11), (&rs, 12), (&bs, 11), (&bs, 12)].map(|(s, n)| port(s, n, &[&open]));
    let mut objects = vec![put(red.clone()), put(blue), put(rs.clone()), put(bs.clone()), put(open.clone())];
    objects.extend(ports.iter().cloned().map(put));
    rig.backend.apply(&objects).await.unwrap();
    let mut guests = Vec::new();
    for port in &ports {
        guests.push(rig.ready_guest(0, port, "").await);
    }
    let (at, received) = collector(&rig.configs[0].netns()).await;
    let host = rig.hosts[0].network();
    let (domain, sampling) = (4711, 1);
    let export = FlowExport {
        network: red.id.clone(),
        ports: ports[..2].iter().map(|p| p.id.clone()).collect(),
        collector: at,
        sampling,
        domain,
    };
    host.export_flows(std::slice::from_ref(&export)).await.unwrap();
    eventually("records of what red sends", || async {
        talk(&guests[2], "10.2.0.12").await;
        talk(&guests[0], "10.1.0.12").await;
        tells(&received, domain, "10.1.0.11", "10.1.0.12")
    })
    .await;
    assert!(!tells(&received, domain, "10.2.0.11", "10.2.0.12"), "and none of blue's");

    // Elsewhere, then nowhere.
    let (other, later) = collector(&rig.configs[0].netns()).await;
    host.export_flows(&[FlowExport { collector: other, ..export }]).await.unwrap();
    eventually("records at the other collector", || async {
        talk(&guests[1], "10.1.0.11").await;
        tells(&later, domain, "10.1.0.12", "10.1.0.11")
    })
    .await;
    host.export_flows(&[]).await.unwrap();
    eventually("no flow samples any more", || async {
        let bridge = rig.configs[0].integration_bridge();
        let at = rig.configs[0].bridge_socket(&bridge);
        let flows = Netns::here().command("ovs-ofctl", ["dump-flows", &at]).await.unwrap();
        !flows.contains("sample(")
    })
    .await;
    crate::rig::echo_peer(&guests[1].netns, 80).await;
    assert_eq!(crate::rig::reached(&guests[0].netns, "10.1.0.12", 80).await, "10.1.0.11", "and guests talk on");
}
