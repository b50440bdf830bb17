//! The userspace datapath's connection tracking outlives what guests do (`drivers_net::host::tracking`).

use crate::rig::{Rig, echo_peer, eventually, reached, skipped};
use drivers_net::{
    conformance::objects::{network, port, put, subnet, tcp_group},
    system::Kind,
};
use network::driver::NetworkBackend;

/// A closed connection is opened anew from the same port, again and again.
const CONNECTIONS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_opened_anew_ends_no_switch() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, web) = (network(), tcp_group(&[80]));
    let sub = subnet(&net, "10.1.0.0/24");
    let (a, b) = (port(&sub, 11, &[&web]), port(&sub, 12, &[&web]));
    rig.backend.apply(&[put(net), put(sub), put(web), put(a.clone()), put(b.clone())]).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &b, "").await);
    echo_peer(&gb.netns, 80).await;
    reached(&ga.netns, "10.1.0.12", 80).await;
    if rig.hosts[0].datapath() == Kind::Userspace {
        eventually("no flow commits connections twice", || async { !flows(&rig).await.contains("nat(src)") }).await;
    }
    let switch = rig.pid("ovs-vswitchd");
    let one_port = || std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40000");
    ga.netns.run(one_port).await.unwrap().unwrap();
    for _ in 0..CONNECTIONS {
        // Until the last acknowledgement has come the port is in use.
        reached(&ga.netns, "10.1.0.12", 80).await;
    }
    assert_eq!(rig.pid("ovs-vswitchd"), switch, "it ended and was started again");
}

async fn flows(rig: &Rig) -> String {
    let switch = rig.configs[0].bridge_socket(&rig.configs[0].integration_bridge());
    drivers_net::netns::Netns::here().command("ovs-ofctl", ["dump-flows", &switch]).await.unwrap()
}
