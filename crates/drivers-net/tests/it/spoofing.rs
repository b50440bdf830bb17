//! Nobody poses as somebody else: frames forged byte by byte are sent by one guest and looked for, byte by byte, where another
//! would receive them. The same frames of a guest without port security arrive, so what is looked for can be seen.

use crate::{
    frames::{Arp, Arrivals, BROADCAST, Mac, Wire, ethernet, icmp6, icmp6_behind_options, link_local, mac, udp4, udp6},
    rig::{Rig, eventually, skipped},
};
use drivers_net::conformance::objects::{group, network, port, put, rule, subnet};
use kernel::SecurityGroupId;
use network::driver::{Direction, LPort, LRule, LSecurityGroup, LSubnet, NetworkBackend, Remote};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// RFC 4861
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;
const SOURCE_LINK: u8 = 1;
const TARGET_LINK: u8 = 2;

/// Everything in, everything out, of both families.
fn open() -> LSecurityGroup {
    let all = |v6| LRule { v6, ..rule(Direction::Ingress, None, None, Remote::Any) };
    group([all(false), all(true)])
}

struct Host {
    mac: Mac,
    v4: Ipv4Addr,
    v6: Ipv6Addr,
}

impl Host {
    fn new(mac: Mac, n: u16) -> Self {
        let v4 = Ipv4Addr::new(10, 3, 0, u8::try_from(n).unwrap());
        Self { mac, v4, v6: Ipv6Addr::new(0xfd00, 3, 0, 0, 0, 0, 0, n) }
    }
}

/// Target and a link-layer address: how neighbours name each other.
fn neighbour(flags: [u8; 4], target: Ipv6Addr, option: u8, at: Mac) -> Vec<u8> {
    [&flags[..], &target.octets(), &[option, 1], &at].concat()
}

/// A router for half an hour, at this MAC address.
fn router(at: Mac) -> Vec<u8> {
    [&[64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0], &[SOURCE_LINK, 1][..], &at].concat()
}

/// What the guest may say of itself.
fn honest(own: &Host, victim: &Host) -> Vec<(&'static str, Vec<u8>)> {
    let arp = |operation| Arp { operation, sender: (own.mac, own.v4), target: (victim.mac, victim.v4) };
    let known = neighbour([0x60, 0, 0, 0], own.v6, TARGET_LINK, own.mac);
    let v6 = |packet: &[u8]| ethernet(victim.mac, own.mac, IPV6, packet);
    vec![
        ("an ARP answer", arp(2).frame(victim.mac, own.mac)),
        ("a neighbour's answer", v6(&icmp6(own.v6, victim.v6, NEIGHBOUR_ADVERTISEMENT, &known))),
        ("a datagram", ethernet(victim.mac, own.mac, IPV4, &udp4(own.v4, victim.v4, (9, 9999), b"hello"))),
        ("a datagram by IPv6", v6(&udp6(own.v6, victim.v6, (9, 9999), b"hello"))),
    ]
}

/// What it may not: to be the gateway `other`, by its address, its MAC address or both; to advertise, to lease.
fn forged(own: &Host, other: &Host, victim: &Host) -> Vec<(&'static str, Vec<u8>)> {
    let arp = |operation, sender, target| Arp { operation, sender, target };
    let him = (victim.mac, victim.v4);
    let near = link_local(own.mac);
    let na = |target, at| neighbour([0x60, 0, 0, 0], target, TARGET_LINK, at);
    let v4 = |packet: &[u8]| ethernet(victim.mac, own.mac, IPV4, packet);
    let v6 = |packet: &[u8]| ethernet(victim.mac, own.mac, IPV6, packet);
    vec![
        ("ARP answer: the gateway is here", arp(2, (own.mac, other.v4), him).frame(victim.mac, own.mac)),
        ("ARP announcement of the gateway", arp(1, (own.mac, other.v4), ([0; 6], other.v4)).frame(BROADCAST, own.mac)),
        ("ARP answer: I am there", arp(2, (other.mac, own.v4), him).frame(victim.mac, own.mac)),
        ("ARP answer in the gateway's name", arp(2, (other.mac, other.v4), him).frame(victim.mac, other.mac)),
        (
            "neighbour's answer: the gateway is here",
            v6(&icmp6(own.v6, victim.v6, NEIGHBOUR_ADVERTISEMENT, &na(other.v6, own.mac))),
        ),
        (
            "neighbour's answer: the gateway's own address is here",
            v6(&icmp6(near, victim.v6, NEIGHBOUR_ADVERTISEMENT, &na(link_local(other.mac), own.mac))),
        ),
        (
            "neighbour's answer: I am there",
            v6(&icmp6(own.v6, victim.v6, NEIGHBOUR_ADVERTISEMENT, &na(own.v6, other.mac))),
        ),
        (
            "neighbour's answer from the gateway",
            v6(&icmp6(other.v6, victim.v6, NEIGHBOUR_ADVERTISEMENT, &na(other.v6, own.mac))),
        ),
        ("router advertisement", v6(&icmp6(near, victim.v6, ROUTER_ADVERTISEMENT, &router(own.mac)))),
        (
            "router advertisement behind options",
            v6(&icmp6_behind_options(near, victim.v6, ROUTER_ADVERTISEMENT, &router(own.mac))),
        ),
        (
            "router advertisement from the gateway",
            v6(&icmp6(link_local(other.mac), victim.v6, ROUTER_ADVERTISEMENT, &router(own.mac))),
        ),
        ("DHCP offer", v4(&udp4(own.v4, victim.v4, (67, 68), b"offer"))),
        ("DHCP offer from the gateway", v4(&udp4(other.v4, victim.v4, (67, 68), b"offer"))),
        ("DHCPv6 advertisement", v6(&udp6(near, victim.v6, (547, 546), b"advertise"))),
        ("datagram from another's address", v4(&udp4(other.v4, victim.v4, (9, 9999), b"hello"))),
        ("datagram from another's IPv6 address", v6(&udp6(other.v6, victim.v6, (9, 9999), b"hello"))),
        (
            "datagram from another's MAC address",
            ethernet(victim.mac, other.mac, IPV4, &udp4(own.v4, victim.v4, (9, 9999), b"hello")),
        ),
    ]
}

/// What never reaches anybody, whoever sends it: who asks for a guest's address is answered by OVN, and a redirect belongs to no
/// connection.
fn swallowed(own: &Host, other: &Host, victim: &Host) -> Vec<(&'static str, Vec<u8>)> {
    let arp = Arp { operation: 1, sender: (own.mac, other.v4), target: (victim.mac, victim.v4) };
    let ns = |at| neighbour([0; 4], victim.v6, SOURCE_LINK, at);
    let near = link_local(own.mac);
    let elsewhere = [&[0; 4][..], &near.octets(), &"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets()].concat();
    let v6 = |packet: &[u8]| ethernet(victim.mac, own.mac, IPV6, packet);
    vec![
        ("ARP question in the gateway's name", arp.frame(victim.mac, own.mac)),
        (
            "neighbour's question from the gateway",
            v6(&icmp6(other.v6, victim.v6, NEIGHBOUR_SOLICITATION, &ns(own.mac))),
        ),
        (
            "neighbour's question with another's MAC",
            v6(&icmp6(own.v6, victim.v6, NEIGHBOUR_SOLICITATION, &ns(other.mac))),
        ),
        ("redirect from the gateway", v6(&icmp6(link_local(other.mac), victim.v6, REDIRECT, &elsewhere))),
    ]
}

/// Sends all of it again and again until what is `awaited` has arrived, then says what of it arrived.
async fn arriving<'a>(
    wire: &Wire,
    arrivals: &Arrivals,
    frames: &'a [(&'static str, Vec<u8>)],
    awaited: usize,
) -> BTreeSet<&'a str> {
    let seen = || frames.iter().filter(|(_, f)| arrivals.has(f)).map(|(name, _)| *name).collect::<BTreeSet<_>>();
    eventually(&format!("{awaited} of {} frames arrive", frames.len()), || async {
        // What is forged goes first: once what is honest has arrived, it would have, too.
        frames.iter().rev().for_each(|(_, frame)| wire.send(frame));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        seen().len() >= awaited
    })
    .await;
    seen()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_poses_as_somebody_else() {
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
        let v6 = format!("fd00:3::{n:x}").parse().unwrap();
        let addresses = drawn.addresses.iter().cloned().chain([(v6, six.id.clone())]).collect();
        LPort { addresses, groups: groups.clone(), ..drawn }
    };
    let (a, c) = (dual(11), dual(13));
    let objects = [put(net), put(sub), put(six), put(open), put(a.clone()), put(c.clone())];
    rig.backend.apply(&objects).await.unwrap();
    let (ga, gc) = (rig.ready_guest(0, &a, "").await, rig.ready_guest(0, &c, "").await);
    let (own, victim) = (Host::new(mac(&a.mac), 11), Host::new(mac(&c.mac), 13));
    // No port has the gateway's addresses here, so nothing but the impostor's own port stands between them and the victim.
    let other = Host::new([0xfa, 0x16, 0x3e, 9, 9, 9], 1);
    let (wire, arrivals) = (Wire::of(&ga.netns).await, Arrivals::at(&gc.netns).await);
    let good = honest(&own, &victim);
    let forged = forged(&own, &other, &victim);
    let believed: Vec<_> = good.iter().cloned().chain(forged).collect();
    let all: Vec<_> = believed.iter().cloned().chain(swallowed(&own, &other, &victim)).collect();
    let names = |frames: &[(&'static str, Vec<u8>)]| frames.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>();
    assert_eq!(arriving(&wire, &arrivals, &all, good.len()).await, names(&good), "and nothing else of it");

    // The same guest without port security is believed.
    rig.backend.apply(&[put(LPort { port_security: false, groups: [].into(), ..a })]).await.unwrap();
    assert_eq!(arriving(&wire, &arrivals, &all, believed.len()).await, names(&believed));
}
