//! Addresses by DHCP, asked for by the smallest client there is.

use crate::rig::{Rig, eventually, skipped};
use drivers_net::conformance::objects::{group, network, port, put, subnet, tcp_group};
use drivers_net::netns::Netns;
use network::driver::{Ipv6Mode, LPort, LSecurityGroup, LSubnet, NetworkBackend};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr, SocketAddrV6, UdpSocket},
    time::Duration,
};

/// What a server offered: the address, and the options by code.
#[derive(Debug, Default, PartialEq, Eq)]
struct Offer {
    address: Option<Ipv4Addr>,
    options: BTreeMap<u8, Vec<u8>>,
}

/// A DHCPDISCOVER (RFC 2131) that asks for broadcast answers and for the options we look at.
fn discover(mac: [u8; 6]) -> Vec<u8> {
    let mut packet = vec![1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0x80, 0];
    packet.resize(28, 0);
    packet.extend(mac);
    packet.resize(236, 0);
    packet.extend([99, 130, 83, 99, 53, 1, 1, 55, 8, 1, 3, 6, 12, 15, 26, 67, 121, 255]);
    packet
}

fn parse(packet: &[u8]) -> Offer {
    let address = Ipv4Addr::new(packet[16], packet[17], packet[18], packet[19]);
    let (mut options, mut rest) = (BTreeMap::new(), &packet[240..]);
    while let [code, length, tail @ ..] = rest {
        if *code == 255 {
            break;
        }
        let (value, next) = tail.split_at(usize::from(*length));
        options.insert(*code, value.to_vec());
        rest = next;
    }
    Offer { address: Some(address), options }
}

async fn offered(netns: &Netns, mac: &str) -> Option<Offer> {
    let mac: Vec<u8> = mac.split(':').map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
    let packet = discover(mac.try_into().unwrap());
    netns.ip(&["route replace 255.255.255.255/32 dev eth0".to_owned()]).await.unwrap();
    let asking = move || -> std::io::Result<Offer> {
        let socket = UdpSocket::bind("0.0.0.0:68")?;
        socket.set_broadcast(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        socket.send_to(&packet, "255.255.255.255:67")?;
        let mut buffer = [0; 1500];
        let (length, _) = socket.recv_from(&mut buffer)?;
        Ok(parse(&buffer[..length]))
    };
    netns.run(asking).await.unwrap().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn dhcp_says_what_subnet_and_port_say() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, web) = (network(), tcp_group(&[80]));
    let sub =
        LSubnet { dns: vec![[9, 9, 9, 9].into()], dns_domain: "cloud.example".into(), ..subnet(&net, "10.7.0.0/24") };
    let a = LPort { hostname: "one".into(), ..port(&sub, 11, &[&web]) };
    rig.backend.apply(&[put(net), put(sub.clone()), put(web), put(a.clone())]).await.unwrap();
    let guest = rig.guest(0, &a).await;
    rig.up(&a.id).await;
    let (netns, mac) = (&guest.netns, a.mac.as_str());
    let offer = async || offered(netns, mac).await.unwrap_or_default();
    eventually("an offer", || async { offer().await.address.is_some() }).await;
    let Offer { address, options } = offer().await;
    assert_eq!(address, Some([10, 7, 0, 11].into()));
    let text =
        |code: u8| String::from_utf8_lossy(options.get(&code).map(Vec::as_slice).unwrap_or_default()).into_owned();
    assert_eq!(options[&1], [255, 255, 255, 0]);
    assert_eq!(options[&3], [10, 7, 0, 1]);
    assert_eq!(options[&6], [9, 9, 9, 9]);
    assert_eq!((text(12).as_str(), text(15).as_str()), ("one", "cloud.example"));
    assert_eq!(options[&26], 1442_u16.to_be_bytes());
    let metadata = [32, 169, 254, 169, 254, 10, 7, 0, 2];
    assert_eq!(
        options[&121],
        [&metadata[..], &[0, 10, 7, 0, 1]].concat(),
        "to the metadata service, and the default route"
    );

    // Rules that let nothing out at all do not keep a guest from asking for its address.
    let mute = LSecurityGroup { rules: [].into(), ..group([]) };
    let b = port(&sub, 12, &[&mute]);
    rig.backend.apply(&[put(mute), put(b.clone())]).await.unwrap();
    let silent = rig.guest(0, &b).await;
    eventually("an offer to the mute", || async {
        offered(&silent.netns, &b.mac).await.is_some_and(|o| o.address == Some([10, 7, 0, 12].into()))
    })
    .await;

    // Only the subnet is put again; the port's answers change with it.
    rig.backend.apply(&[put(LSubnet { dns: vec![[8, 8, 8, 8].into()], ..sub.clone() })]).await.unwrap();
    eventually("the new name server", || async { offer().await.options.get(&6) == Some(&vec![8, 8, 8, 8]) }).await;
    // The port's owner wants something of its own.
    let wishes = BTreeMap::from([("bootfile-name".to_owned(), "pxe".to_owned())]);
    rig.backend.apply(&[put(LPort { dhcp_options: wishes, ..a.clone() })]).await.unwrap();
    eventually("its own boot file", || async { offer().await.options.get(&67) == Some(&b"pxe".to_vec()) }).await;
    assert_eq!(offer().await.options[&6], [8, 8, 8, 8]);
    rig.backend.apply(&[put(LSubnet { dhcp: false, ..sub.clone() })]).await.unwrap();
    eventually("silence", || async { offered(netns, mac).await.is_none() }).await;
}

/// What a server answers to an INFORMATION-REQUEST (RFC 8415) for name servers and search list, by code.
async fn informed(netns: &Netns) -> Option<BTreeMap<u16, Vec<u8>>> {
    // Type and transaction; a client id by vendor; the options asked for.
    let request =
        [&[11, 1, 2, 3][..], &[0, 1, 0, 6, 0, 2, 0, 0, 0, 9], &[0, 8, 0, 2, 0, 0], &[0, 6, 0, 4, 0, 23, 0, 24]]
            .concat();
    let shown = netns.command("ip", ["-o", "link", "show", "dev", "eth0"]).await.unwrap();
    let interface: u32 = shown.split(':').next().unwrap().parse().unwrap();
    let asking = move || -> std::io::Result<BTreeMap<u16, Vec<u8>>> {
        let socket = UdpSocket::bind("[::]:546")?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        let servers: Ipv6Addr = "ff02::1:2".parse().expect("All_DHCP_Relay_Agents_and_Servers");
        socket.send_to(&request, SocketAddrV6::new(servers, 547, 0, interface))?;
        let mut buffer = [0; 1500];
        let (length, _) = socket.recv_from(&mut buffer)?;
        let (mut options, mut rest) = (BTreeMap::new(), &buffer[4..length]);
        while let [c0, c1, l0, l1, tail @ ..] = rest {
            let (value, next) = tail.split_at(usize::from(u16::from_be_bytes([*l0, *l1])));
            options.insert(u16::from_be_bytes([*c0, *c1]), value.to_vec());
            rest = next;
        }
        Ok(options)
    };
    netns.run(asking).await.unwrap().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ports_own_options_for_ipv6_reach_its_guest() {
    if skipped() {
        return;
    }
    let rig = Rig::single().await;
    let (net, web) = (network(), tcp_group(&[80]));
    let dns = vec!["fd00:9::53".parse().unwrap()];
    let sub = LSubnet { ipv6: Some(Ipv6Mode::DhcpStateless), dns, metadata_via: None, ..subnet(&net, "fd00:9::/64") };
    let a = port(&sub, 11, &[&web]);
    rig.backend.apply(&[put(net), put(sub.clone()), put(web), put(a.clone())]).await.unwrap();
    let guest = rig.guest(0, &a).await;
    rig.up(&a.id).await;
    let told = async |code: u16| informed(&guest.netns).await.unwrap_or_default().remove(&code);
    let address = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets().to_vec();
    eventually("the subnet's name server", || async { told(23).await == Some(address("fd00:9::53")) }).await;
    let wishes = [("option6:dns-server", "fd00:9::99"), ("option6:domain-search", "six.example"), ("23", "64")];
    let dhcp_options = wishes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    rig.backend.apply(&[put(LPort { dhcp_options, ..a.clone() })]).await.unwrap();
    eventually("its own name server", || async { told(23).await == Some(address("fd00:9::99")) }).await;
    // OVN 23.03 sends the text as it is, later ones as RFC 1035 has it; a guest is told either way.
    let search = told(24).await.unwrap();
    assert!(search.windows(3).any(|w| w == b"six") && search.ends_with(b"example\0"), "{search:?}");
}
