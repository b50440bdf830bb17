//! Ports: where something is connected to a network. A guest's, a router's, the metadata service's.
//!
//! ```text
//!              bind(host)             plugged(true)
//!   unbound ─────────────▶ DOWN ───────────────────▶ ACTIVE
//!      ▲                    ▲      plugged(false)       │
//!      └──────── release ───┴───────────────────────────┘
//! ```
//!
//! The status is not stored but follows: `ACTIVE` is a port whose guest has the interface, or one of the service itself, and
//! that is administratively up. Ports of floating IPs only hold an address: `N/A`.

use super::{PortExtras, PortForwardingId, QosPolicyId, Resource, Standard, standard::resource, trunk::TrunkEnd};
use ::ports::network::NicLimits;
use ipnet::IpNet;
use kernel::{FloatingIpId, HostName, NetworkId, PortId, SecurityGroupId, SubnetId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};
use store::{Index, IndexSink, Key, Object, Snapshot};

/// Values of `device_owner` that mean something here.
pub mod owner {
    pub const ROUTER_INTERFACE: &str = "network:router_interface";
    pub const ROUTER_GATEWAY: &str = "network:router_gateway";
    pub const FLOATING_IP: &str = "network:floatingip";
    pub const DHCP: &str = "network:dhcp";
    /// The port that answers guests' metadata requests, on every host of the network, as ML2/OVN has it.
    pub const METADATA: &str = "network:distributed";
    pub const COMPUTE: &str = "compute:";
    pub const NETWORK: &str = "network:";
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Port {
    pub id: PortId,
    pub standard: Standard,
    pub name: String,
    pub network: NetworkId,
    pub admin_up: bool,
    pub mac: String,
    pub fixed_ips: Vec<FixedIp>,
    pub device_id: String,
    pub device_owner: String,
    pub security_groups: BTreeSet<SecurityGroupId>,
    pub port_security: bool,
    pub allowed_pairs: Vec<AddressPair>,
    pub dhcp_options: Vec<DhcpOption>,
    pub dns_name: String,
    pub binding: Binding,
    /// The guest has the interface.
    pub plugged: bool,
    /// Made for its server and removed with it.
    pub made_for_server: bool,
    /// Its place among its server's interfaces.
    pub nic: u32,
    /// Floating IPs that lead here. Kept here so that associating one conflicts with removing the port.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub floating_ips: BTreeSet<FloatingIpId>,
    /// The trunk it is an end of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<TrunkEnd>,
    /// Bindings to further hosts, which wait to become the active one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waiting: BTreeMap<HostName, Waiting>,
    /// Port forwardings that lead here, kept for the same reason.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub forwardings: BTreeSet<PortForwardingId>,
    /// Its own QoS policy; without one its network's holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<QosPolicyId>,
    /// What its server's flavor lets it carry, beside any policy.
    #[serde(default, skip_serializing_if = "NicLimits::is_none")]
    pub limits: NicLimits,
    #[serde(default, skip_serializing_if = "PortExtras::is_empty")]
    pub extras: PortExtras,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FixedIp {
    pub subnet: SubnetId,
    pub address: IpAddr,
}

/// Addresses a port may use besides its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressPair {
    pub mac: String,
    /// As it was given: an address or a prefix.
    pub ip: String,
}

impl AddressPair {
    pub fn prefix(&self) -> Option<IpNet> {
        self.ip.parse().ok().or_else(|| self.ip.parse::<IpAddr>().ok().map(IpNet::from))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpOption {
    pub name: String,
    pub value: Option<String>,
    pub ip_version: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    pub host: Option<HostName>,
    pub vnic_type: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub profile: Map<String, Value>,
}

/// A binding that is not the active one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    pub vnic_type: String,
    pub profile: Map<String, Value>,
    /// It is to become active; one that was is not to be used again.
    pub usable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Down,
    NotApplicable,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Down => "DOWN",
            Self::NotApplicable => "N/A",
        }
    }
}

/// What kind of port this is, by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A guest's, or whatever a tenant means it for.
    Guest,
    RouterInterface,
    RouterGateway,
    FloatingIp,
    Metadata,
    Dhcp,
}

/// A MAC address in its one form: lower case, colons.
pub fn mac(text: &str) -> Option<String> {
    let octet = |p: &str| if p.len() == 2 { u8::from_str_radix(p, 16).ok() } else { None };
    let octets: Vec<u8> = text.split([':', '-']).map(octet).collect::<Option<_>>()?;
    // Neutron refuses these two alone: an address of a group (an odd first octet) is taken.
    let nobodys = octets.iter().all(|o| *o == 0) || octets.iter().all(|o| *o == 0xff);
    (octets.len() == 6 && !nobodys).then(|| octets.iter().map(|o| format!("{o:02x}")).collect::<Vec<_>>().join(":"))
}

resource!(Port, "port", PortNotFound);

impl Port {
    pub const BY_NETWORK: Index<Port> = Index::new(1);
    pub const BY_DEVICE: Index<Port> = Index::new(2);
    pub const BY_GROUP: Index<Port> = Index::new(3);
    pub const BY_HOST: Index<Port> = Index::new(4);
    pub const BY_QOS: Index<Port> = Index::new(5);

    pub fn role(&self) -> Role {
        match self.device_owner.as_str() {
            owner::ROUTER_INTERFACE => Role::RouterInterface,
            owner::ROUTER_GATEWAY => Role::RouterGateway,
            owner::FLOATING_IP => Role::FloatingIp,
            owner::METADATA => Role::Metadata,
            owner::DHCP => Role::Dhcp,
            _ => Role::Guest,
        }
    }

    /// The status that clients see: a subport has its guest's interface while its parent has.
    pub fn status_in(&self, snapshot: &Snapshot) -> Status {
        match &self.trunk {
            Some(TrunkEnd::Sub { parent, .. }) => {
                let plugged = snapshot.get::<Self>(parent).is_some_and(|p| p.plugged);
                if plugged && self.admin_up { Status::Active } else { Status::Down }
            }
            _ => self.status(),
        }
    }

    pub fn status(&self) -> Status {
        match self.role() {
            Role::FloatingIp => Status::NotApplicable,
            Role::Guest if !self.plugged => Status::Down,
            _ if self.admin_up => Status::Active,
            _ => Status::Down,
        }
    }

    /// Goes away with its network.
    pub fn is_auto_deleted(&self) -> bool {
        matches!(self.role(), Role::Metadata | Role::Dhcp)
    }

    /// Belongs to the service, which no filter rules guard.
    pub fn is_trusted(device_owner: &str) -> bool {
        device_owner.starts_with(owner::NETWORK)
    }

    pub fn is_computes(&self) -> bool {
        self.device_owner.starts_with(owner::COMPUTE)
    }

    /// `tap` and the first 11 characters of the id.
    pub fn tap(&self) -> String {
        format!("tap{}", self.id.get(..11).unwrap_or(&self.id))
    }

    pub fn vif_type(&self) -> &'static str {
        if self.binding.host.is_some() || self.is_subport() { "ovs" } else { "unbound" }
    }

    pub fn is_subport(&self) -> bool {
        matches!(self.trunk, Some(TrunkEnd::Sub { .. }))
    }

    pub fn v4(&self) -> impl Iterator<Item = &FixedIp> {
        self.fixed_ips.iter().filter(|ip| ip.address.is_ipv4())
    }
}

impl Object for Port {
    const KIND: &'static str = "network.port";
    const INDEXES: &'static [&'static str] = &["project", "network", "device", "group", "host", "qos"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as Resource>::BY_PROJECT, &*self.standard.project);
        sink.add(Self::BY_NETWORK, &*self.network);
        if !self.device_id.is_empty() {
            sink.add(Self::BY_DEVICE, &self.device_id);
        }
        for group in &self.security_groups {
            sink.add(Self::BY_GROUP, &**group);
        }
        if let Some(host) = &self.binding.host {
            sink.add(Self::BY_HOST, &**host);
        }
        if let Some(policy) = &self.qos {
            sink.add(Self::BY_QOS, &**policy);
        }
    }
}
