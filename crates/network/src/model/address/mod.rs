//! Addresses: which a subnet may give out, and who has which.
//!
//! An address belongs to a port by an [`AddressClaim`] whose key is network and address: a second port that wants it finds
//! the key there, and of two members that claim at once one conflicts. So an address is never given out twice, however many
//! ask. Claims are made and removed in the transaction that writes the port; the audit compares both.

mod pick;
mod pool;

pub use pick::pick;
pub use pool::{Pool, check_pools, default_pools, gateway_fits, host_fits, outside_pools};

use ipnet::IpNet;
use kernel::{NetworkId, PortId, SubnetId};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use store::{Index, IndexSink, Key, Object, Snapshot};

/// An address in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressClaim {
    pub network: NetworkId,
    pub subnet: SubnetId,
    pub address: IpAddr,
    pub port: PortId,
}

impl AddressClaim {
    pub const BY_SUBNET: Index<AddressClaim> = Index::new(0);

    /// `network/4c0a80001`: sorted by key is sorted by address, which [`pick`] relies on.
    pub fn id(network: &NetworkId, address: IpAddr) -> String {
        match address {
            IpAddr::V4(a) => format!("{network}/4{:08x}", u32::from(a)),
            IpAddr::V6(a) => format!("{network}/6{:032x}", u128::from(a)),
        }
    }

    /// The claims of a network from `first` to `last`, by address.
    pub fn between<'a>(
        snapshot: &'a Snapshot,
        network: &'a NetworkId,
        first: IpAddr,
        last: IpAddr,
    ) -> impl Iterator<Item = IpAddr> + 'a {
        let within = move |a: IpAddr| a.is_ipv4() == last.is_ipv4() && a <= last;
        snapshot
            .from_key::<Self>(&Self::id(network, first))
            .take_while(move |claim| claim.network == *network && within(claim.address))
            .map(|claim| claim.address)
    }
}

impl Object for AddressClaim {
    const KIND: &'static str = "network.address";
    const INDEXES: &'static [&'static str] = &["subnet"];
    fn key(&self) -> Key {
        Self::id(&self.network, self.address).into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_SUBNET, &*self.subnet);
    }
}

/// An address as a number, with its family apart.
pub(crate) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => u128::from(u32::from(a)),
        IpAddr::V6(a) => u128::from(a),
    }
}

/// The other way; the family is that of `like`.
pub(crate) fn address(number: u128, like: IpAddr) -> IpAddr {
    match like {
        // Numbers come from pools of the same family, so they fit.
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX))),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

/// The address a host makes itself from its MAC address (RFC 4291, modified EUI-64).
pub fn eui64(prefix: &IpNet, mac: &str) -> Option<IpAddr> {
    let IpNet::V6(net) = prefix else { return None };
    let mut octets = [0u8; 6];
    let mut parts = mac.split(':');
    for octet in &mut octets {
        *octet = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    let [a, b, c, d, e, f] = octets;
    let interface = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Some(IpAddr::V6(Ipv6Addr::from(u128::from(net.network()) | u128::from(interface))))
}

/// Looks as if it was made from a MAC address.
pub fn is_eui64(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(a) if (u128::from(a) >> 24) & 0xffff == 0xfffe)
}

/// A number that looks random but is the same for the same id and step: where to begin looking for something free. FNV-1a
/// with a final mix; ids are random already, this only spreads them.
pub fn spread(id: &str, step: u64) -> u64 {
    let seed = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut x = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_addresses_do() {
        let net = NetworkId::from("n");
        let ids: Vec<_> = ["9.0.0.1", "10.0.0.2", "10.0.0.10", "192.168.0.1", "fd00::2", "fd00::10"]
            .map(|a| AddressClaim::id(&net, a.parse().unwrap()))
            .into();
        assert!(ids.is_sorted(), "{ids:?}");
    }

    #[test]
    fn eui64_addresses() {
        let net: IpNet = "2001:db8::/64".parse().unwrap();
        let address = eui64(&net, "fa:16:3e:12:34:56").unwrap();
        assert_eq!(address.to_string(), "2001:db8::f816:3eff:fe12:3456");
        assert!(is_eui64(address) && !is_eui64("2001:db8::1".parse().unwrap()));
        assert_eq!(eui64(&"10.0.0.0/24".parse().unwrap(), "fa:16:3e:12:34:56"), None);
        assert_eq!(eui64(&net, "nonsense"), None);
    }
}
