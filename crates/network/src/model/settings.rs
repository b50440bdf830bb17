//! What an operator can set for the network service.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The `[network]` table of the configuration. The names of the defaults are Neutron's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What a frame may carry on the hosts' physical network; overlays take their header from it.
    pub physical_mtu: u32,
    /// Bytes that the overlay's encapsulation costs (Geneve over IPv4: 58).
    pub overlay_overhead: u32,
    /// Physical networks by name, with the VLAN tags that networks may have there.
    pub physical_networks: BTreeMap<String, Physical>,
    /// First and last tunnel key of tenants' networks.
    pub tunnel_keys: (u32, u32),
    /// The zone that hosts are in unless they say otherwise.
    pub availability_zone: String,
    /// Suffix of the names that guests are given, with its dot.
    pub dns_domain: String,
    /// First three octets of made MAC addresses.
    pub base_mac: [u8; 3],
    pub max_dns_nameservers: usize,
    pub max_subnet_host_routes: usize,
    pub max_routes: usize,
    pub max_allowed_address_pairs: usize,
    /// Seconds between comparisons of all that the back end holds with all that it should.
    pub resync_seconds: u64,
}

/// A physical network that hosts are connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Physical {
    /// First and last VLAN tag that may be chosen for networks that name none.
    pub vlans: Option<(u16, u16)>,
    /// If it differs from `physical_mtu`.
    pub mtu: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            physical_mtu: 1500,
            overlay_overhead: 58,
            physical_networks: [("external".to_owned(), Physical { vlans: Some((2, 4094)), mtu: None })].into(),
            tunnel_keys: (1, 16_711_680), // OVN keeps the rest of its 24 bits
            availability_zone: "nova".to_owned(),
            dns_domain: "openstacklocal.".to_owned(),
            base_mac: [0xfa, 0x16, 0x3e],
            max_dns_nameservers: 5,
            max_subnet_host_routes: 20,
            max_routes: 30,
            max_allowed_address_pairs: 10,
            // What somebody changed by hand is back within ten.
            resync_seconds: 8,
        }
    }
}
