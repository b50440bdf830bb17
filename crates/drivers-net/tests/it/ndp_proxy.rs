//! Inner IPv6 addresses that are reached from the external network without a route: the router answers for them there.

use crate::rig::{PHYSICAL, Rig, ask, echo_peer, eventually, reached, skipped};
use drivers_net::conformance::objects::{
    gateway, group, interface, network, port, provider, put, router, rule, subnet,
};
use network::driver::{Direction, LGateway, LRouter, LRule, LSubnet, NetworkBackend, Remote};
use std::net::IpAddr;

#[tokio::test(flavor = "multi_thread")]
async fn a_router_answers_for_inner_addresses_outside() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, public) = (network(), provider(PHYSICAL));
    let open = group([LRule { v6: true, ..rule(Direction::Ingress, None, None, Remote::Any) }]);
    let outside = LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, "172.24.4.0/24") };
    let six = LSubnet { dhcp: false, metadata_via: None, ..subnet(&public, "2001:db8:1::/64") };
    let sub = LSubnet { dhcp: false, metadata_via: None, ..subnet(&net, "2001:db8:5::/64") };
    let (a, b) = (port(&sub, 21, &[&open]), port(&sub, 22, &[&open]));
    let address = |p: &network::driver::LPort| match p.addresses[0].0 {
        IpAddr::V6(address) => address,
        IpAddr::V4(_) => unreachable!("the subnet is of IPv6"),
    };
    let mut way_out = gateway(&outside, 10, &[]);
    way_out.addresses.push("2001:db8:1::10/64".parse().unwrap());
    let r = LRouter { gateway: Some(LGateway { proxied: [address(&a)].into(), ..way_out }), ..router() };
    let objects = [
        put(net),
        put(public),
        put(outside),
        put(six),
        put(sub.clone()),
        put(open),
        put(r.clone()),
        put(a.clone()),
        put(b.clone()),
        put(interface(&r, &sub)),
    ];
    rig.backend.apply(&objects).await.unwrap();
    let gateway_of_guests = sub.gateway.unwrap().to_string();
    let guests = [rig.ready_guest(0, &a, &gateway_of_guests).await, rig.ready_guest(0, &b, &gateway_of_guests).await];
    for guest in &guests {
        echo_peer(&guest.netns, 80).await;
    }
    // Somebody on the external network who takes the guests for neighbours.
    let bridge = rig.configs[0].external_bridge(0);
    let lines = ["address replace 2001:db8:1::1/64", "route replace 2001:db8:5::/64"];
    let lines: Vec<_> = lines.map(|line| format!("{line} dev {bridge}")).into();
    rig.outside.ip(&lines).await.unwrap();
    let (proxied, other) = (address(&a).to_string(), address(&b).to_string());
    assert_eq!(reached(&rig.outside, &proxied, 80).await, "2001:db8:1::1", "as it is, untranslated");
    assert_eq!(ask(&rig.outside, &other, 80).await, None, "nobody answers for another");
    // And the other way round.
    let own = r.gateway.clone().unwrap();
    let moved = LGateway { proxied: [address(&b)].into(), ..own };
    rig.backend.apply(&[put(LRouter { gateway: Some(moved), ..r })]).await.unwrap();
    assert_eq!(reached(&rig.outside, &other, 80).await, "2001:db8:1::1");
    eventually("the former is not answered for", || async {
        rig.outside.ip_forced(&[format!("neighbour flush dev {bridge}")]).await;
        ask(&rig.outside, &proxied, 80).await.is_none()
    })
    .await;
}
