//! Frames written byte by byte, as an impostor writes them, and seen byte by byte where they arrive.
#![expect(unsafe_code, reason = "rustix knows packet sockets but not their addresses (packet(7))")]

use drivers_net::{link, netns::Netns};
use rustix::{
    fd::OwnedFd,
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketType,
        addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque},
        recv, sendto, socket,
    },
};
use std::{
    collections::HashSet,
    net::{Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

pub type Mac = [u8; 6];
pub const BROADCAST: Mac = [0xff; 6];

const DEVICE: &str = "eth0";
/// `ETH_P_ALL` in network order.
const EVERYTHING: u32 = 3_u16.to_be() as u32;

/// `struct sockaddr_ll`
#[repr(C)]
struct LinkAddress {
    family: u16,
    protocol: u16,
    ifindex: i32,
    hatype: u16,
    pkttype: u8,
    halen: u8,
    address: [u8; 8],
}

// SAFETY: the closure gets a pointer to the whole of a `sockaddr_ll`, which lives as long as the call.
unsafe impl SocketAddrArg for LinkAddress {
    unsafe fn with_sockaddr<R>(&self, f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R) -> R {
        f(std::ptr::from_ref(self).cast(), size_of::<Self>() as SocketAddrLen)
    }
}

async fn packet_socket(netns: &Netns, protocol: u32) -> OwnedFd {
    let protocol = NonZeroU32::new(protocol).map(Protocol::from_raw);
    netns.run(move || socket(AddressFamily::PACKET, SocketType::RAW, protocol)).await.unwrap().unwrap()
}

/// A guest's device, without its kernel.
pub struct Wire {
    socket: OwnedFd,
    ifindex: i32,
}

impl Wire {
    pub async fn of(netns: &Netns) -> Self {
        let device = link::find(netns, DEVICE).await.unwrap().expect("a guest has a device");
        Self { socket: packet_socket(netns, 0).await, ifindex: device.ifindex.try_into().unwrap() }
    }

    pub fn send(&self, frame: &[u8]) {
        let family = AddressFamily::PACKET.as_raw();
        let (protocol, hatype, pkttype, halen, address) = (0, 0, 0, 0, [0; 8]);
        let to = LinkAddress { family, protocol, ifindex: self.ifindex, hatype, pkttype, halen, address };
        sendto(&self.socket, frame, SendFlags::empty(), &to).unwrap();
    }
}

/// Every frame that arrived in a guest since this was made.
#[derive(Clone)]
pub struct Arrivals(Arc<Mutex<HashSet<Vec<u8>>>>);

impl Arrivals {
    pub async fn at(netns: &Netns) -> Self {
        let socket = packet_socket(netns, EVERYTHING).await;
        let seen = Self(Arc::default());
        let frames = seen.0.clone();
        std::thread::spawn(move || {
            let mut buffer = [0_u8; 2048];
            while let Ok((length, _)) = recv(&socket, &mut buffer, RecvFlags::empty()) {
                frames.lock().unwrap().insert(buffer[..length].to_vec());
            }
        });
        seen
    }

    pub fn has(&self, frame: &[u8]) -> bool {
        self.0.lock().unwrap().contains(frame)
    }

    /// What one of the frames says, if it is one that says it.
    pub fn find<T>(&self, read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        self.0.lock().unwrap().iter().find_map(|frame| read(frame))
    }
}

pub fn mac(text: &str) -> Mac {
    let bytes: Vec<u8> = text.split(':').map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
    bytes.try_into().unwrap()
}

/// The address that an interface makes itself of its MAC address (RFC 4291, appendix A).
pub fn link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

pub fn ethernet(to: Mac, from: Mac, kind: u16, payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &kind.to_be_bytes(), payload].concat()
}

/// Who says so, and what: this address is at this MAC address.
pub struct Arp {
    pub operation: u16,
    pub sender: (Mac, Ipv4Addr),
    pub target: (Mac, Ipv4Addr),
}

impl Arp {
    pub fn frame(&self, to: Mac, from: Mac) -> Vec<u8> {
        let ((sha, spa), (tha, tpa)) = (self.sender, self.target);
        let head = [0, 1, 8, 0, 6, 4];
        let operation = self.operation.to_be_bytes();
        let payload = [&head[..], &operation, &sha, &spa.octets(), &tha, &tpa.octets()].concat();
        ethernet(to, from, 0x0806, &payload)
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let mut sum: u32 = bytes.chunks(2).map(|b| u32::from(b[0]) << 8 | u32::from(*b.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

fn udp(ports: (u16, u16), data: &[u8], pseudo: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + data.len()).unwrap().to_be_bytes();
    let head = [ports.0.to_be_bytes(), ports.1.to_be_bytes(), length].concat();
    let sum = checksum(&[pseudo, &head, &[0, 0], data]);
    [&head[..], &sum.to_be_bytes(), data].concat()
}

pub fn udp4(from: Ipv4Addr, to: Ipv4Addr, ports: (u16, u16), data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + data.len()).unwrap().to_be_bytes();
    let pseudo = [&from.octets()[..], &to.octets(), &[0, 17], &length].concat();
    let payload = udp(ports, data, &pseudo);
    let total = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut head = [&[0x45, 0], &total[..], &[0, 1, 0, 0, 64, 17, 0, 0], &from.octets(), &to.octets()].concat();
    let sum = checksum(&[&head]).to_be_bytes();
    head[10..12].copy_from_slice(&sum);
    [head, payload].concat()
}

fn ipv6(from: Ipv6Addr, to: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[0x60, 0, 0, 0], &length[..], &[next, 255], &from.octets(), &to.octets(), payload].concat()
}

fn pseudo6(from: Ipv6Addr, to: Ipv6Addr, next: u8, length: usize) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&from.octets()[..], &to.octets(), &length, &[0, 0, 0, next]].concat()
}

pub fn udp6(from: Ipv6Addr, to: Ipv6Addr, ports: (u16, u16), data: &[u8]) -> Vec<u8> {
    ipv6(from, to, 17, &udp(ports, data, &pseudo6(from, to, 17, 8 + data.len())))
}

/// What routers and neighbours say to each other (RFC 4861): type, and what follows the checksum.
pub fn icmp6(from: Ipv6Addr, to: Ipv6Addr, kind: u8, body: &[u8]) -> Vec<u8> {
    ipv6(from, to, 58, &icmp6_message(from, to, kind, body))
}

/// The same behind an extension header without meaning, which guards that look at the first header only let pass.
pub fn icmp6_behind_options(from: Ipv6Addr, to: Ipv6Addr, kind: u8, body: &[u8]) -> Vec<u8> {
    let padding = [58, 0, 1, 4, 0, 0, 0, 0];
    ipv6(from, to, 60, &[&padding[..], &icmp6_message(from, to, kind, body)].concat())
}

fn icmp6_message(from: Ipv6Addr, to: Ipv6Addr, kind: u8, body: &[u8]) -> Vec<u8> {
    let sum = checksum(&[&pseudo6(from, to, 58, 4 + body.len()), &[kind, 0, 0, 0], body]);
    [&[kind, 0], &sum.to_be_bytes()[..], body].concat()
}
