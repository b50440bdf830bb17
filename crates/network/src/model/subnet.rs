//! Subnets: a prefix of a network, what of it is given out, and what guests are told there.

use super::{
    SegmentId, Standard, SubnetPoolId,
    address::{AddressClaim, Pool},
    standard::resource,
};
use ipnet::IpNet;
use kernel::{NetworkId, SubnetId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use store::{Index, IndexSink, Key, Object, Snapshot};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    pub id: SubnetId,
    pub standard: Standard,
    pub name: String,
    pub network: NetworkId,
    pub cidr: IpNet,
    pub gateway: Option<IpAddr>,
    pub pools: Vec<Pool>,
    pub dns: Vec<IpAddr>,
    pub routes: Vec<Route>,
    pub dhcp: bool,
    /// Who announces the subnet to IPv6 hosts, and how.
    pub ra_mode: Option<Mode>,
    /// How IPv6 hosts get their address.
    pub address_mode: Option<Mode>,
    pub subnetpool: Option<SubnetPoolId>,
    /// Only ports of these device owners get addresses from here; empty: all.
    pub service_types: Vec<String>,
    /// Whether an external DNS is to know the addresses of ports here. Kept for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dns_published: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<SegmentId>,
    /// A deletion has begun: nothing may get an address here any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
}

/// A route that guests are told, or that a router has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Route {
    pub destination: IpNet,
    pub nexthop: IpAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    #[serde(rename = "slaac")]
    Slaac,
    #[serde(rename = "dhcpv6-stateful")]
    Stateful,
    #[serde(rename = "dhcpv6-stateless")]
    Stateless,
}

impl Mode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slaac => "slaac",
            Self::Stateful => "dhcpv6-stateful",
            Self::Stateless => "dhcpv6-stateless",
        }
    }
}

resource!(Subnet, "subnet", SubnetNotFound);

impl Subnet {
    pub const BY_POOL: Index<Subnet> = Index::new(1);

    pub fn is_v6(&self) -> bool {
        matches!(self.cidr, IpNet::V6(_))
    }

    pub fn ip_version(&self) -> u8 {
        if self.is_v6() { 6 } else { 4 }
    }

    /// Hosts make their addresses themselves, from their MAC address.
    pub fn is_auto_address(&self) -> bool {
        let auto = [Some(Mode::Slaac), Some(Mode::Stateless)];
        auto.contains(&self.address_mode) || (self.address_mode.is_none() && auto.contains(&self.ra_mode))
    }

    /// Whether a port of this owner may have addresses here.
    pub fn serves(&self, device_owner: &str) -> bool {
        let internal = device_owner == super::port::owner::DHCP || device_owner == super::port::owner::METADATA;
        self.service_types.is_empty()
            || internal
            || self
                .service_types
                .iter()
                .any(|t| if t == "compute:" { device_owner.starts_with(t) } else { device_owner == t })
    }

    /// Addresses in use here.
    pub fn used(&self, snapshot: &Snapshot) -> usize {
        snapshot.count_by(AddressClaim::BY_SUBNET, &self.id)
    }
}

impl Object for Subnet {
    const KIND: &'static str = "network.subnet";
    const INDEXES: &'static [&'static str] = &["project", "pool"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
        if let Some(pool) = &self.subnetpool {
            sink.add(Self::BY_POOL, &**pool);
        }
    }
}
