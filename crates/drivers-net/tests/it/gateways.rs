//! A router with two ways out: what leaves by each has that one's address, and each answers for its own floating IPs.

use crate::rig::{PHYSICAL, Rig, ask, echo_peer, eventually, reached, skipped};
use drivers_net::conformance::objects::{
    floating_ip, gateway, group, interface, network, port, provider, put, remove, router, rule, subnet,
};
use network::driver::{Direction, LFloatingIp, LGateway, LRouter, LSubnet, NetworkBackend, Remote};

#[tokio::test(flavor = "multi_thread")]
async fn two_ways_out_are_kept_apart() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, public) = (network(), provider(PHYSICAL));
    let open = group([rule(Direction::Ingress, None, None, Remote::Any)]);
    let external = |cidr| LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, cidr) };
    let (one, two) = (external("172.24.4.0/24"), external("198.51.100.0/24"));
    let sub = LSubnet { dhcp: false, metadata_via: None, ..subnet(&net, "10.1.0.0/24") };
    let (a, b) = (port(&sub, 11, &[&open]), port(&sub, 12, &[&open]));
    // The second has no next hop of its own: only what a route sends there leaves by it.
    let second = LGateway { next_hops: vec![], ..gateway(&two, 10, &[&sub]) };
    let first = gateway(&one, 10, &[&sub]);
    let far = ("203.0.113.0/24".parse().unwrap(), [198, 51, 100, 1].into());
    let r = LRouter { gateway: Some(first), more_gateways: vec![second.clone()], routes: vec![far], ..router() };
    let by_first = floating_ip(&r, [172, 24, 4, 51].into(), &b);
    let by_second = LFloatingIp { gateway: second.port.clone(), ..floating_ip(&r, [198, 51, 100, 51].into(), &b) };
    let objects = [
        put(net),
        put(public),
        put(one),
        put(two),
        put(sub.clone()),
        put(open),
        put(r.clone()),
        put(a.clone()),
        put(b.clone()),
        put(interface(&r, &sub)),
    ];
    rig.backend.apply(&objects).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "10.1.0.1").await, rig.ready_guest(0, &b, "10.1.0.1").await);
    let bridge = rig.configs[0].external_bridge(0);
    let lines = ["198.51.100.1/24", "203.0.113.1/32"].map(|address| format!("address replace {address} dev {bridge}"));
    rig.outside.ip(&lines).await.unwrap();
    echo_peer(&rig.outside, 80).await;
    echo_peer(&gb.netns, 80).await;
    assert_eq!(reached(&ga.netns, "172.24.4.1", 80).await, "172.24.4.10", "by the first");
    assert_eq!(reached(&ga.netns, "203.0.113.1", 80).await, "198.51.100.10", "by the second, with its address");

    rig.backend.apply(&[put(by_first.clone())]).await.unwrap();
    assert_eq!(reached(&rig.outside, "172.24.4.51", 80).await, "172.24.4.1");
    assert_eq!(reached(&gb.netns, "172.24.4.1", 80).await, "172.24.4.51");
    rig.backend.apply(&[remove(by_first), put(by_second)]).await.unwrap();
    assert_eq!(reached(&rig.outside, "198.51.100.51", 80).await, "198.51.100.1");
    assert_eq!(reached(&gb.netns, "203.0.113.1", 80).await, "198.51.100.51");

    // One taken away, the other goes on.
    rig.backend.apply(&[put(LRouter { more_gateways: vec![], routes: vec![], ..r })]).await.unwrap();
    eventually("nobody answers by the second", || async {
        ask(&ga.netns, "203.0.113.1", 80).await.as_deref() != Some("198.51.100.10")
    })
    .await;
    assert_eq!(reached(&ga.netns, "172.24.4.1", 80).await, "172.24.4.10");
}
