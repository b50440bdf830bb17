//! Between networks and to the outside world.

use crate::rig::{PHYSICAL, Rig, ask, closed, echo_peer, reached, skipped};
use drivers_net::conformance::objects::{
    floating_ip, gateway, interface, network, port, provider, put, remove, router, subnet, tcp_group,
};
use drivers_net::{
    link,
    netns::{self, Netns},
};
use network::driver::{Change, LRouter, LSubnet, NetworkBackend};

#[tokio::test(flavor = "multi_thread")]
async fn a_router_joins_networks_and_leads_out_and_in() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (left, right, public, web) = (network(), network(), provider(PHYSICAL), tcp_group(&[80]));
    let (ls, rs) = (subnet(&left, "10.1.0.0/24"), subnet(&right, "10.2.0.0/24"));
    let ps = LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, "172.24.4.0/24") };
    let r = LRouter { gateway: Some(gateway(&ps, 10, &[&ls])), ..router() };
    let (li, ri) = (interface(&r, &ls), interface(&r, &rs));
    let (a, b) = (port(&ls, 11, &[&web]), port(&rs, 12, &[&web]));
    let fip = floating_ip(&r, [172, 24, 4, 50].into(), &a);
    let objects: Vec<Change> = vec![
        put(left),
        put(right),
        put(public),
        put(ls.clone()),
        put(rs.clone()),
        put(ps.clone()),
        put(web),
        put(r.clone()),
        put(a.clone()),
        put(b.clone()),
        put(li),
        put(ri.clone()),
    ];
    rig.backend.apply(&objects).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "10.1.0.1").await, rig.ready_guest(0, &b, "10.2.0.1").await);
    for netns in [&ga.netns, &gb.netns, &rig.outside] {
        echo_peer(netns, 80).await;
    }
    assert_eq!(reached(&ga.netns, "10.2.0.12", 80).await, "10.1.0.11", "routed, not translated");

    assert_eq!(reached(&ga.netns, "172.24.4.1", 80).await, "172.24.4.10", "as the router");
    assert_eq!(ask(&gb.netns, "172.24.4.1", 80).await, None, "its network is not among the router's sources");

    rig.backend.apply(&[put(fip.clone())]).await.unwrap();
    assert_eq!(reached(&rig.outside, "172.24.4.50", 80).await, "172.24.4.1");
    assert_eq!(reached(&ga.netns, "172.24.4.1", 80).await, "172.24.4.50", "now it goes out as its floating ip");
    rig.backend.apply(&[remove(fip)]).await.unwrap();
    closed(&rig.outside, "172.24.4.50", 80).await;

    let both = LRouter { gateway: Some(gateway(&ps, 10, &[&ls, &rs])), ..r.clone() };
    rig.backend.apply(&[put(both)]).await.unwrap();
    assert_eq!(reached(&gb.netns, "172.24.4.1", 80).await, "172.24.4.10");
    rig.backend.apply(&[put(LRouter { gateway: None, ..r.clone() })]).await.unwrap();
    closed(&ga.netns, "172.24.4.1", 80).await;
    rig.backend.apply(&[remove(ri)]).await.unwrap();
    closed(&ga.netns, "10.2.0.12", 80).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_get_out_behind_the_hosts_own_address() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    // A world that knows the host and has never heard of the external network.
    let (host, world) = (rig.configs[0].netns(), format!("{}-world", rig.prefix));
    netns::ensure(&world).await.unwrap();
    let beyond = Netns::named(world.as_str());
    let lines = [
        format!("link add uplink type veth peer name eth0 netns {world}"),
        "address add 198.51.100.1/24 dev uplink".into(),
        "link set uplink up".into(),
    ];
    host.ip(&lines).await.unwrap();
    beyond.ip(&["address add 198.51.100.2/24 dev eth0".into(), "link set eth0 up".into()]).await.unwrap();
    link::no_checksum_offload(&host, "uplink").await.unwrap();
    echo_peer(&beyond, 80).await;

    let (net, public, web) = (network(), provider(PHYSICAL), tcp_group(&[]));
    let sub = subnet(&net, "10.1.0.0/24");
    let ps = LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, "172.24.4.0/24") };
    let r = LRouter { gateway: Some(gateway(&ps, 10, &[&sub])), ..router() };
    let a = port(&sub, 11, &[&web]);
    let objects = [
        put(net),
        put(public),
        put(sub.clone()),
        put(ps),
        put(web),
        put(r.clone()),
        put(a.clone()),
        put(interface(&r, &sub)),
    ];
    rig.backend.apply(&objects).await.unwrap();
    let ga = rig.ready_guest(0, &a, "10.1.0.1").await;
    assert_eq!(reached(&ga.netns, "198.51.100.2", 80).await, "198.51.100.1");
}
