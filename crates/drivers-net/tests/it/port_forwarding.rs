//! Ports of one address that lead to several guests.

use crate::rig::{PHYSICAL, Rig, ask, closed, echo_peer, eventually, reached, skipped};
use drivers_net::{
    conformance::objects::{
        gateway, interface, network, port, port_forwarding, provider, put, remove, router, subnet, tcp_group,
    },
    ovn::{FloatingIps, Settings},
};
use network::driver::{LPort, LPortForwarding, LRouter, LSubnet, NetworkBackend};
use std::net::Ipv4Addr;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(172, 24, 4, 60);

/// Two guests behind one address, on two hosts, seen from outside of both.
#[tokio::test(flavor = "multi_thread")]
async fn ports_of_one_address_lead_to_several_guests() {
    if skipped() {
        return;
    }
    let settings = Settings { floating_ips: FloatingIps::Centralized, ..Settings::default() };
    let rig = Rig::lab(2, settings).await;
    eventually("both hosts are there", || async { rig.backend.hosts().await.unwrap().len() == 2 }).await;
    let (inside, public, web) = (network(), provider(PHYSICAL), tcp_group(&[80, 81, 82]));
    let sub = subnet(&inside, "10.1.0.0/24");
    let ps = LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, "172.24.4.0/24") };
    let r = LRouter { gateway: Some(gateway(&ps, 10, &[&sub])), ..router() };
    let on = |host: &str, p: LPort| LPort { host: Some(host.into()), ..p };
    let (a, b) = (on("h1", port(&sub, 11, &[&web])), on("h2", port(&sub, 12, &[&web])));
    let one = port_forwarding(&r, (ADDRESS, 8080, 8080), &a, (80, 80));
    let range = port_forwarding(&r, (ADDRESS, 9000, 9001), &b, (80, 81));
    let objects = [
        put(inside),
        put(public),
        put(sub.clone()),
        put(ps),
        put(web),
        put(r.clone()),
        put(a.clone()),
        put(b.clone()),
        put(interface(&r, &sub)),
        put(one.clone()),
        put(range.clone()),
    ];
    rig.backend.apply(&objects).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "10.1.0.1").await, rig.ready_guest(1, &b, "10.1.0.1").await);
    for port in [80, 81, 82] {
        echo_peer(&ga.netns, port).await;
        echo_peer(&gb.netns, port).await;
    }
    let at = ADDRESS.to_string();
    for port in [8080, 9000, 9001] {
        assert_eq!(reached(&rig.outside, &at, port).await, "172.24.4.1", "the guest sees who asks, by port {port}");
    }
    for port in [80, 8081, 9002] {
        assert_eq!(ask(&rig.outside, &at, port).await, None, "port {port} leads nowhere");
    }
    // The first port leads elsewhere now, and the range to one port.
    let moved = LPortForwarding { internal: range.internal, ..one };
    let narrowed = LPortForwarding { internal_ports: network::model::port_forwarding::PortRange(82, 82), ..range };
    rig.backend.apply(&[put(moved.clone()), put(narrowed.clone())]).await.unwrap();
    for port in [8080, 9000, 9001] {
        reached(&rig.outside, &at, port).await;
    }
    rig.backend.apply(&[remove(narrowed)]).await.unwrap();
    closed(&rig.outside, &at, 9001).await;
    reached(&rig.outside, &at, 8080).await;
    rig.backend.apply(&[remove(moved)]).await.unwrap();
    closed(&rig.outside, &at, 8080).await;
}
