//! The host that carries a gateway dies, all at once; another one carries on.

use crate::{
    outages::{echo, silence},
    rig::{PHYSICAL, Rig, eventually, reached, skipped},
};
use drivers_net::{
    conformance::objects::{
        floating_ip, gateway, group, interface, network, port, provider, put, router, rule, subnet,
    },
    netns,
    ovn::Settings,
};
use network::driver::{Direction, LPort, LRouter, LSubnet, NetworkBackend, Remote};
use std::time::Duration;

/// OVN's own intervals take more than three seconds for it.
const BOUND: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_moves_before_anybody_hangs_up() {
    if skipped() {
        return;
    }
    let mut rig = Rig::lab(3, Settings::default()).await;
    // Three: a host that sees no other takes itself for the one that is cut off, and carries nothing.
    eventually("all hosts are known and alive", || async {
        rig.backend.hosts().await.unwrap() == ["h1", "h2", "h3"].map(|host| (host.into(), true))
    })
    .await;
    let (net, public) = (network(), provider(PHYSICAL));
    let open = group([rule(Direction::Ingress, None, None, Remote::Any)]);
    let ps = LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, "172.24.4.0/24") };
    let sub = subnet(&net, "10.1.0.0/24");
    // Gateways are spread over the hosts, and the guest is on the first host behind the one that is on the second, which holds
    // no database.
    let routers = [10, 11, 12].map(|n| LRouter { gateway: Some(gateway(&ps, n, &[&sub])), ..router() });
    let mut objects = vec![put(net), put(public), put(sub.clone()), put(ps), put(open.clone())];
    objects.extend(routers.iter().cloned().map(put));
    rig.backend.apply(&objects).await.unwrap();
    let mut carriers = Vec::new();
    for r in &routers {
        carriers.push(carrier(&rig, r).await);
    }
    let far = carriers.iter().position(|host| host == "h2").expect("one gateway is on the second host");
    let guest = LPort { host: Some("h1".into()), ..port(&sub, 11, &[&open]) };
    let fip = floating_ip(&routers[far], [172, 24, 4, 51].into(), &guest);
    rig.backend.apply(&[put(guest.clone()), put(interface(&routers[far], &sub)), put(fip)]).await.unwrap();
    let inside = rig.ready_guest(0, &guest, "10.1.0.1").await;
    echo(&inside.netns).await;
    crate::rig::echo_peer(&inside.netns, 80).await;
    assert_eq!(reached(&rig.outside, "172.24.4.51", 80).await, "172.24.4.1");

    let host = rig.configs[1].netns.clone().expect("a host of the lab has a namespace");
    let outside = rig.outside.clone();
    let supervised = rig.hosts.remove(1);
    let (quiet, ()) = silence(&outside, "172.24.4.51", async {
        drop(supervised);
        netns::kill_inside(&host).await.unwrap();
        eventually("another host carries it", || async { carrier(&rig, &routers[far]).await != "h2" }).await;
    })
    .await;
    println!("a gateway's host dead: silence for {quiet:?}");
    assert!(quiet < BOUND, "{quiet:?}");
}

/// The host that a router's gateway is on.
async fn carrier(rig: &Rig, router: &LRouter) -> String {
    let port = &router.gateway.as_ref().expect("it has one").port;
    let database = format!("--db={}", rig.central.southbound());
    let ask = async |arguments: &[&str]| {
        let arguments = [&[database.as_str(), "--bare"], arguments].concat();
        netns::Netns::here().command("ovn-sbctl", arguments).await.unwrap().trim().to_owned()
    };
    let name = format!("logical_port=cr-lrp-{port}");
    let find = async || ask(&["--columns=chassis", "find", "Port_Binding", &name]).await;
    eventually("the gateway has a host", || async { !find().await.is_empty() }).await;
    let chassis = find().await;
    ask(&["get", "Chassis", &chassis, "name"]).await.trim_matches('"').to_owned()
}
