//! A guest does not pose as a server of addresses, whatever its groups let out: counted in frames that arrive. That it sends with no
//! address but its own is in `switching`.

use crate::rig::{Guest, Rig, eventually, skipped};
use drivers_net::conformance::objects::{group, network, port, put, rule, subnet};
use kernel::SecurityGroupId;
use network::driver::{Direction, LPort, LRule, LSecurityGroup, LSubnet, NetworkBackend, Remote};
use std::collections::BTreeSet;

/// Everything in, everything out, of both families.
fn open() -> LSecurityGroup {
    let all = |v6| LRule { v6, ..rule(Direction::Ingress, None, None, Remote::Any) };
    group([all(false), all(true)])
}

/// Counts on the victim's device what only an impostor with this MAC address would send.
async fn watch(victim: &Guest, impostor: &str) {
    let forged = [
        ("from_dhcp", format!("ether saddr {impostor} udp sport 67 udp dport 68")),
        ("from_dhcp6", format!("ether saddr {impostor} udp sport 547 udp dport 546")),
        ("from_honest", format!("ether saddr {impostor} udp dport 9999")),
    ];
    let mut script = "table netdev posers {\n".to_owned();
    for (name, _) in &forged {
        script.push_str(&format!(" counter {name} {{\n }}\n"));
    }
    script.push_str(" chain in {\n type filter hook ingress device \"eth0\" priority 0;\n");
    for (name, matches) in &forged {
        script.push_str(&format!(" {matches} counter name \"{name}\"\n"));
    }
    script.push_str(" }\n}\n");
    victim.netns.nft(script).await.unwrap();
}

/// The counters that are not zero.
async fn seen(victim: &Guest) -> BTreeSet<String> {
    let list = victim.netns.command("nft", ["list", "table", "netdev", "posers"]).await.unwrap();
    let (mut names, mut name) = (BTreeSet::new(), "");
    let words: Vec<_> = list.split_whitespace().collect();
    for pair in words.windows(2) {
        match pair {
            ["counter", n] if *n != "name" => name = n,
            ["packets", n] if *n != "0" => {
                names.insert(name.to_owned());
            }
            _ => {}
        }
    }
    names
}

/// Offers addresses that nobody asked for, and says once by an honest datagram that it is there.
async fn pose(guest: &Guest, own: [&str; 2], to: [&str; 2]) {
    let [to4, to6, own4, own6] = [to[0], to[1], own[0], own[1]].map(str::to_owned);
    let sending = move || -> std::io::Result<()> {
        use std::net::UdpSocket;
        UdpSocket::bind((own4.as_str(), 67))?.send_to(b"offer", (to4.as_str(), 68))?;
        UdpSocket::bind((own6.as_str(), 547))?.send_to(b"advertise", (to6.as_str(), 546))?;
        UdpSocket::bind((own4.as_str(), 0))?.send_to(b"hello", (to4.as_str(), 9999))?;
        Ok(())
    };
    let _ = guest.netns.run(sending).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_poses_as_a_server_of_addresses() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, open) = (network(), open());
    let sub = LSubnet { metadata_via: None, ..subnet(&net, "10.3.0.0/24") };
    let six = LSubnet { metadata_via: None, dhcp: false, ..subnet(&net, "fd00:3::/64") };
    let groups: BTreeSet<SecurityGroupId> = [open.id.clone()].into();
    let dual = |n: usize| {
        let drawn = port(&sub, n, &[]);
        let v6 = format!("fd00:3::{n}").parse().unwrap();
        let addresses = drawn.addresses.iter().cloned().chain([(v6, six.id.clone())]).collect();
        LPort { addresses, groups: groups.clone(), ..drawn }
    };
    let (a, c) = (dual(11), dual(13));
    let objects = [put(net), put(sub), put(six), put(open), put(a.clone()), put(c.clone())];
    rig.backend.apply(&objects).await.unwrap();
    let (ga, gc) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &c, "").await);
    let (own, to) = (["10.3.0.11", "fd00:3::11"], ["10.3.0.13", "fd00:3::13"]);
    watch(&gc, &a.mac).await;
    eventually("what is honest arrives", || async {
        pose(&ga, own, to).await;
        seen(&gc).await.contains("from_honest")
    })
    .await;
    assert_eq!(seen(&gc).await, BTreeSet::from(["from_honest".to_owned()]), "and nothing else of it");
    // The same guest without port security is believed: the counters do see what is forged.
    rig.backend.apply(&[put(LPort { port_security: false, groups: [].into(), ..a })]).await.unwrap();
    let all = ["dhcp", "dhcp6", "honest"].map(|n| format!("from_{n}")).into();
    eventually("all of it arrives", || async {
        pose(&ga, own, to).await;
        seen(&gc).await.is_superset(&all)
    })
    .await;
}
