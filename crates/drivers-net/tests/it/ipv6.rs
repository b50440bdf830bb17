//! IPv6: addresses that guests make themselves from what the router advertises.

use crate::rig::{Guest, Rig, echo_peer, eventually, reached, skipped};
use drivers_net::conformance::objects::{group, interface, network, port, put, router, rule, subnet};
use network::driver::{Direction, Ipv6Mode, LPort, LRule, LSubnet, NetworkBackend, Remote};
use std::net::Ipv6Addr;

/// RFC 4291, appendix A: the address that follows from a prefix of 64 bits and a MAC.
fn from_mac(prefix: &str, mac: &str) -> Ipv6Addr {
    let mac: Vec<u16> = mac.split(':').map(|b| u16::from_str_radix(b, 16).unwrap()).collect();
    let mut s = prefix.parse::<Ipv6Addr>().unwrap().segments();
    s[4] = ((mac[0] ^ 2) << 8) | mac[1];
    s[5] = (mac[2] << 8) | 0xff;
    s[6] = 0xfe00 | mac[3];
    s[7] = (mac[4] << 8) | mac[5];
    Ipv6Addr::from(s)
}

async fn has(guest: &Guest, address: Ipv6Addr) -> bool {
    let shown = guest.netns.command("ip", ["-6", "address", "show", "dev", "eth0", "-tentative"]).await.unwrap();
    shown.contains(&format!("{address}/64"))
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_address_themselves_and_are_routed() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let web = group([LRule { v6: true, ..rule(Direction::Ingress, Some(6), Some((80, 80)), Remote::Any) }]);
    let router = router();
    let mut objects = vec![put(web.clone()), put(router.clone())];
    let mut sides = Vec::new();
    for prefix in ["fd00:1::", "fd00:2::"] {
        let net = network();
        let sub = LSubnet { ipv6: Some(Ipv6Mode::Slaac), metadata_via: None, ..subnet(&net, &format!("{prefix}/64")) };
        let drawn = port(&sub, 5, &[&web]);
        let address = from_mac(prefix, &drawn.mac);
        let port = LPort { addresses: vec![(address.into(), sub.id.clone())], ..drawn };
        objects.extend([put(net), put(sub.clone()), put(port.clone()), put(interface(&router, &sub))]);
        sides.push((port, address));
    }
    rig.backend.apply(&objects).await.unwrap();
    let mut guests = Vec::new();
    for (port, address) in &sides {
        let guest = rig.guest(0, port).await;
        rig.up(&port.id).await;
        // What a guest does that comes up: a kernel asks the routers once, long before this one could answer.
        guest.netns.ip(&["link set eth0 down".into(), "link set eth0 up".into()]).await.unwrap();
        eventually("the guest has its address", || has(&guest, *address)).await;
        guests.push(guest);
    }
    echo_peer(&guests[1].netns, 80).await;
    assert_eq!(reached(&guests[0].netns, &sides[1].1.to_string(), 80).await, sides[0].1.to_string());
}
