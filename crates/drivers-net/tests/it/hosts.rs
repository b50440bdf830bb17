//! Two hosts with a cable between them, and an outside that is neither.

use crate::rig::{PHYSICAL, Rig, ask, echo_peer, eventually, reached, skipped};
use drivers_net::conformance::objects::{
    floating_ip, gateway, interface, network, port, provider, put, router, subnet, tcp_group,
};
use drivers_net::{
    netns::Netns,
    ovn::{FloatingIps, Settings},
    system::OvsHost,
};
use network::driver::{LNetwork, LPort, LRouter, LSubnet, NetworkBackend, NetworkKind};

#[tokio::test(flavor = "multi_thread")]
async fn guests_on_two_hosts_meet_and_reach_the_outside() {
    if !skipped() {
        two_hosts(FloatingIps::Centralized).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floating_ips_may_be_translated_where_their_guests_are() {
    if !skipped() {
        two_hosts(FloatingIps::Distributed).await;
    }
}

async fn two_hosts(floating_ips: FloatingIps) {
    let mut rig = Rig::lab(2, Settings { floating_ips, ..Settings::default() }).await;
    eventually("both hosts are known and alive", || async {
        rig.backend.hosts().await.unwrap() == [("h1".into(), true), ("h2".into(), true)]
    })
    .await;
    let (left, right, public, web) = (network(), network(), provider(PHYSICAL), tcp_group(&[80]));
    let (ls, rs) = (subnet(&left, "10.1.0.0/24"), subnet(&right, "10.2.0.0/24"));
    let ps = LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, "172.24.4.0/24") };
    let r = LRouter { gateway: Some(gateway(&ps, 10, &[&ls, &rs])), ..router() };
    let (a, b) = (
        LPort { host: Some("h1".into()), ..port(&ls, 11, &[&web]) },
        LPort { host: Some("h2".into()), ..port(&ls, 12, &[&web]) },
    );
    let c = LPort { host: Some("h2".into()), ..port(&rs, 13, &[&web]) };
    let fips = [floating_ip(&r, [172, 24, 4, 51].into(), &a), floating_ip(&r, [172, 24, 4, 52].into(), &b)];
    let mut objects =
        vec![put(left), put(right), put(public), put(ls.clone()), put(rs.clone()), put(ps), put(web), put(r.clone())];
    objects.extend([put(a.clone()), put(b.clone()), put(c.clone()), put(interface(&r, &ls)), put(interface(&r, &rs))]);
    objects.extend(fips.map(put));
    rig.backend.apply(&objects).await.unwrap();
    let ga = rig.ready_guest(0, &a, "10.1.0.1").await;
    let gb = rig.ready_guest(1, &b, "10.1.0.1").await;
    let gc = rig.ready_guest(1, &c, "10.2.0.1").await;
    for netns in [&ga.netns, &gb.netns, &gc.netns, &rig.outside] {
        echo_peer(netns, 80).await;
    }
    assert_eq!(reached(&ga.netns, "10.1.0.12", 80).await, "10.1.0.11", "switched through the tunnel");
    assert_eq!(reached(&ga.netns, "10.2.0.13", 80).await, "10.1.0.11", "routed through the tunnel");
    assert_eq!(reached(&gc.netns, "10.1.0.11", 80).await, "10.2.0.13");
    assert_eq!(
        reached(&gc.netns, "172.24.4.1", 80).await,
        "172.24.4.10",
        "out through the gateway, on whichever host it is"
    );
    for fip in ["172.24.4.51", "172.24.4.52"] {
        assert_eq!(reached(&rig.outside, fip, 80).await, "172.24.4.1");
    }
    assert_eq!(reached(&ga.netns, "172.24.4.52", 80).await, "172.24.4.51", "by floating ip from floating ip");
    // The hosts' own addresses moved to the bridges that carry the tunnels, and answer once.
    echo_peer(&rig.configs[1].netns(), 99).await;
    assert_eq!(reached(&rig.configs[0].netns(), "10.10.0.2", 99).await, "10.10.0.1");
    assert_eq!(ask(&ga.netns, "10.10.0.2", 99).await, None, "guests do not see the hosts' network");

    // The gateway's host goes away; the other one takes over what it carried.
    let carrier = usize::from(gateway_host(&rig).await == "h2");
    let (gone, left) = (rig.hosts.remove(carrier), rig.configs[carrier].clone());
    drop(gone);
    OvsHost::down(&left).await.unwrap();
    let (guest, fip) = if carrier == 0 { (&gb, "172.24.4.52") } else { (&ga, "172.24.4.51") };
    assert_eq!(reached(&rig.outside, fip, 80).await, "172.24.4.1");
    assert_eq!(reached(&guest.netns, "172.24.4.1", 80).await, fip);
    let other = if carrier == 0 { "h2" } else { "h1" };
    assert_eq!(rig.backend.hosts().await.unwrap(), [(other.into(), true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vlan_of_the_physical_network_joins_hosts() {
    if skipped() {
        return;
    }
    let rig = Rig::lab(2, Settings::default()).await;
    let vlan = |vlan| LNetwork {
        kind: NetworkKind::Provider { physical: PHYSICAL.into(), vlan: Some(vlan) },
        ..provider(PHYSICAL)
    };
    let (web, red, blue) = (tcp_group(&[80]), vlan(42), vlan(43));
    let (rs, bs) = (subnet(&red, "10.42.0.0/24"), subnet(&blue, "10.42.0.0/24"));
    let on = |host: &str, p: LPort| LPort { host: Some(host.into()), ..p };
    let (a, b, c) =
        (on("h1", port(&rs, 11, &[&web])), on("h2", port(&rs, 12, &[&web])), on("h1", port(&bs, 13, &[&web])));
    let objects = [put(red), put(blue), put(rs), put(bs), put(web), put(a.clone()), put(b.clone()), put(c.clone())];
    rig.backend.apply(&objects).await.unwrap();
    let (ga, gb) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(1, &b, "").await);
    let gc = rig.ready_guest(0, &c, "").await;
    echo_peer(&gb.netns, 80).await;
    assert_eq!(reached(&ga.netns, "10.42.0.12", 80).await, "10.42.0.11");
    assert_eq!(ask(&gc.netns, "10.42.0.12", 80).await, None, "another VLAN");
}

/// The host that carries the one gateway there is.
async fn gateway_host(rig: &Rig) -> String {
    let database = format!("--db={}", rig.central.southbound());
    let ask = async |arguments: &[&str]| {
        let arguments = [&[database.as_str(), "--bare"], arguments].concat();
        Netns::here().command("ovn-sbctl", arguments).await.unwrap().trim().to_owned()
    };
    let chassis = ask(&["--columns=chassis", "find", "Port_Binding", "type=chassisredirect"]).await;
    ask(&["get", "Chassis", &chassis, "name"]).await.trim_matches('"').to_owned()
}
