//! How a subnet says where its addresses come from, on the wire: what routers advertise and what DHCPv6 leases.

use crate::{
    frames::{Arrivals, Mac, Wire, ethernet, icmp6, link_local, mac},
    rig::{Guest, Rig, eventually, skipped},
};
use drivers_net::{
    conformance::objects::{group, interface, network, port, put, router, subnet},
    netns::Netns,
};
use network::driver::{Ipv6Mode, LSubnet, NetworkBackend};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr, SocketAddrV6, UdpSocket},
    time::Duration,
};

const ALL_ROUTERS: Mac = [0x33, 0x33, 0, 0, 0, 2];
const ADVERTISEMENT: u8 = 134;

/// What a router advertisement says of addresses (RFC 4861): managed, other configuration, and whether hosts make their own
/// of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    managed: bool,
    other: bool,
    autonomous: bool,
}

fn said(frame: &[u8]) -> Option<Said> {
    let message =
        frame.get(54..).filter(|m| frame[12..14] == [0x86, 0xdd] && frame[20] == 58 && m[0] == ADVERTISEMENT)?;
    let (flags, mut options) = (message[5], &message[16..]);
    let mut autonomous = false;
    while let [kind, length @ 1..=255, ..] = options {
        let (option, rest) = options.split_at(usize::from(*length) * 8);
        autonomous |= *kind == 3 && option[3] & 0x40 != 0;
        options = rest;
    }
    Some(Said { managed: flags & 0x80 != 0, other: flags & 0x40 != 0, autonomous })
}

/// Asks the routers until one answers.
async fn solicited(guest: &Guest, mac: Mac) -> Said {
    let (wire, arrivals) = (Wire::of(&guest.netns).await, Arrivals::at(&guest.netns).await);
    let routers: Ipv6Addr = "ff02::2".parse().unwrap();
    let solicitation = [&[0; 4][..], &[1, 1], &mac].concat();
    let frame = ethernet(ALL_ROUTERS, mac, 0x86dd, &icmp6(link_local(mac), routers, 133, &solicitation));
    eventually("a router advertises", || async {
        wire.send(&frame);
        tokio::time::sleep(Duration::from_millis(100)).await;
        arrivals.find(said).is_some()
    })
    .await;
    arrivals.find(said).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn routers_advertise_as_subnets_say() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (router, open) = (router(), group([]));
    rig.backend.apply(&[put(router.clone()), put(open.clone())]).await.unwrap();
    let modes = [
        (Ipv6Mode::Slaac, Said { managed: false, other: false, autonomous: true }),
        (Ipv6Mode::DhcpStateless, Said { managed: false, other: true, autonomous: true }),
        (Ipv6Mode::DhcpStateful, Said { managed: true, other: false, autonomous: false }),
    ];
    for (n, (mode, expect)) in modes.into_iter().enumerate() {
        let net = network();
        let sub = LSubnet { ipv6: Some(mode), metadata_via: None, ..subnet(&net, &format!("fd00:{n}::/64")) };
        let a = port(&sub, 11, &[&open]);
        rig.backend.apply(&[put(net), put(sub.clone()), put(a.clone()), put(interface(&router, &sub))]).await.unwrap();
        let guest = rig.guest(0, &a).await;
        rig.up(&a.id).await;
        let said = solicited(&guest, mac(&a.mac)).await;
        // OVN leaves "other configuration" out where everything is managed, or says it: a guest asks for all of it either way.
        assert_eq!(Said { other: said.other && !said.managed, ..said }, expect, "{mode:?}");
    }
}

/// A message of DHCPv6 (RFC 8415): its type, and its options by code.
#[derive(Debug, Default)]
struct Message {
    kind: u8,
    options: BTreeMap<u16, Vec<u8>>,
}

const SOLICIT: u8 = 1;
const ADVERTISE: u8 = 2;
const REQUEST: u8 = 3;
const REPLY: u8 = 7;
const SERVER_ID: u16 = 2;
const IA_NA: u16 = 3;
const IA_ADDRESS: u16 = 5;
const NAME_SERVERS: u16 = 23;
const SEARCH: u16 = 24;

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), &u16::try_from(value.len()).unwrap().to_be_bytes()[..], value].concat()
}

fn options(mut rest: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    let mut options = BTreeMap::new();
    while let [c0, c1, l0, l1, tail @ ..] = rest {
        let (value, next) = tail.split_at(usize::from(u16::from_be_bytes([*l0, *l1])));
        options.insert(u16::from_be_bytes([*c0, *c1]), value.to_vec());
        rest = next;
    }
    options
}

/// An address for interface 7, by DUID-LL of the MAC address.
fn asking(kind: u8, mac: Mac, more: &[u8]) -> Vec<u8> {
    let client = option(1, &[&[0, 3, 0, 1][..], &mac].concat());
    let lease = option(IA_NA, &[0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
    let wanted = option(6, &[0, 23, 0, 24]);
    [&[kind, 1, 2, 3], &client[..], &lease, &wanted, &option(8, &[0, 0]), more].concat()
}

async fn asked(netns: &Netns, message: Vec<u8>) -> Option<Message> {
    let shown = netns.command("ip", ["-o", "link", "show", "dev", "eth0"]).await.unwrap();
    let interface: u32 = shown.split(':').next().unwrap().parse().unwrap();
    let work = move || -> std::io::Result<Message> {
        let socket = UdpSocket::bind("[::]:546")?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        let servers: Ipv6Addr = "ff02::1:2".parse().expect("All_DHCP_Relay_Agents_and_Servers");
        socket.send_to(&message, SocketAddrV6::new(servers, 547, 0, interface))?;
        let mut buffer = [0; 1500];
        let (length, _) = socket.recv_from(&mut buffer)?;
        Ok(Message { kind: buffer[0], options: options(&buffer[4..length]) })
    };
    netns.run(work).await.unwrap().ok()
}

/// The address in an answer, and for how many seconds.
fn leased(message: &Message) -> Option<(Ipv6Addr, u32)> {
    let within = options(message.options.get(&IA_NA)?.get(12..)?);
    let address = within.get(&IA_ADDRESS)?;
    let octets: [u8; 16] = address.get(..16)?.try_into().ok()?;
    Some((octets.into(), u32::from_be_bytes(address.get(20..24)?.try_into().ok()?)))
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_leased_by_dhcpv6() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, mute) = (network(), group([]));
    let sub = LSubnet {
        ipv6: Some(Ipv6Mode::DhcpStateful),
        dns: vec!["fd00:9::53".parse().unwrap()],
        dns_domain: "six.example".into(),
        metadata_via: None,
        ..subnet(&net, "fd00:9::/64")
    };
    let (a, b) = (port(&sub, 11, &[&mute]), port(&sub, 12, &[&mute]));
    rig.backend.apply(&[put(net), put(sub.clone()), put(mute), put(a.clone()), put(b.clone())]).await.unwrap();
    for one in [&a, &b] {
        let guest = rig.guest(0, one).await;
        rig.up(&one.id).await;
        let own = mac(&one.mac);
        let ask = async |kind, more: Vec<u8>| asked(&guest.netns, asking(kind, own, &more)).await.unwrap_or_default();
        eventually("a server advertises", || async { ask(SOLICIT, vec![]).await.kind == ADVERTISE }).await;
        let offer = ask(SOLICIT, vec![]).await;
        let own = one.addresses[0].0;
        assert_eq!(leased(&offer).map(|(a, _)| IpAddr::from(a)), Some(own), "each its own: {offer:?}");
        let server = option(SERVER_ID, &offer.options[&SERVER_ID]);
        eventually("the lease", || async { ask(REQUEST, server.clone()).await.kind == REPLY }).await;
        let lease = ask(REQUEST, server.clone()).await;
        let (given, seconds) = leased(&lease).expect("a reply to a request has the address");
        assert_eq!(IpAddr::from(given), own);
        assert!(seconds > 0, "{lease:?}");
        assert_eq!(lease.options[&NAME_SERVERS], "fd00:9::53".parse::<Ipv6Addr>().unwrap().octets());
        let search = &lease.options[&SEARCH];
        // OVN 23.03 makes one label of the whole name, dots included; a guest reads the name either way.
        assert_eq!(search.as_slice(), b"\x0bsix.example\0");
    }
    // A subnet that stops serving leases nothing.
    let guest = Netns::named(format!("{}-g{}", rig.prefix, &a.id.as_str()[..8]));
    let own = mac(&a.mac);
    rig.backend.apply(&[put(LSubnet { dhcp: false, ..sub })]).await.unwrap();
    eventually("silence", || async { asked(&guest, asking(SOLICIT, own, &[])).await.is_none() }).await;
}
