//! What the network service asks of the outside: the [`NetworkBackend`] that holds the region's logical network, and the
//! [`HostNetwork`] that plugs a guest's tap on one host.
//!
//! The backend is given *logical objects*, computed purely from the store (`model::logical`). It is told differences, in an
//! order in which each object's references exist, and every change is idempotent: a change may come twice, after a crash
//! everything may come again. [`NetworkBackend::dump`] says what the backend holds, so that a reconciler can rebuild it
//! from nothing and repair what somebody changed by hand.
//!
//! Invariants (conformance suite `drivers_net::conformance`):
//! - when `apply` has returned `Ok`, `dump` shows the change;
//! - removing what is not there is `Ok`; putting what is already so writes nothing;
//! - putting an object whose network or router is not there is refused with `Conflict`; a subnet or security group may come
//!   later than the port that names it, which until then has no DHCP from it, or passes nothing by it;
//! - a port's filter rules are in force before its first packet: a port put without its groups passes nothing.

mod host;
mod key;

pub use host::{HostNetwork, MetadataHandler, MetadataRequest, MetadataResponse, MetadataSpec, PlugSpec, PortReading};
pub use key::LogicalKey;

use crate::{
    model::{
        LogId, PortForwardingId,
        port_forwarding::{PortRange, Protocol},
        qos::RuleType,
    },
    why::{Frame, Trace},
};
use async_trait::async_trait;
use ipnet::IpNet;
use kernel::{FloatingIpId, HostName, NetworkId, PortId, Result, RouterId, SecurityGroupId, SubnetId};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// An object of the logical network, complete: putting it replaces the former one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Logical {
    Network(LNetwork),
    Subnet(LSubnet),
    SecurityGroup(LSecurityGroup),
    Port(LPort),
    Router(LRouter),
    RouterInterface(LRouterInterface),
    FloatingIp(LFloatingIp),
    PortForwarding(LPortForwarding),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LNetwork {
    pub id: NetworkId,
    /// For people who look into the backend.
    pub name: String,
    pub mtu: u32,
    pub kind: NetworkKind,
    pub admin_up: bool,
    pub dns_domain: String,
}

impl LNetwork {
    pub fn is_provider(&self) -> bool {
        matches!(self.kind, NetworkKind::Provider { .. })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum NetworkKind {
    /// Geneve or VXLAN between the hosts; the backend chooses its own tunnel key.
    Overlay { tunnel_key: u32 },
    /// The physical network as it is, or with a VLAN tag.
    Provider { physical: String, vlan: Option<u16> },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LSubnet {
    pub id: SubnetId,
    pub network: NetworkId,
    pub cidr: IpNet,
    pub gateway: Option<IpAddr>,
    pub dhcp: bool,
    pub dns: Vec<IpAddr>,
    pub host_routes: Vec<(IpNet, IpAddr)>,
    pub ipv6: Option<Ipv6Mode>,
    /// Where guests find the metadata service without a router (the DHCP port's address).
    pub metadata_via: Option<IpAddr>,
    pub mtu: u32,
    pub dns_domain: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ipv6Mode {
    Slaac,
    DhcpStateful,
    DhcpStateless,
    None,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LPort {
    pub id: PortId,
    pub network: NetworkId,
    pub mac: String,
    /// Address and the subnet it is from.
    pub addresses: Vec<(IpAddr, SubnetId)>,
    pub allowed_pairs: Vec<(String, IpNet)>,
    pub port_security: bool,
    pub groups: BTreeSet<SecurityGroupId>,
    pub admin_up: bool,
    pub host: Option<HostName>,
    /// Where the interface may be as well, while its guest moves.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub standby: BTreeSet<HostName>,
    pub role: PortRole,
    /// DHCP options a tenant set on the port, by Neutron's names.
    pub dhcp_options: BTreeMap<String, String>,
    pub hostname: String,
    /// Carried by another port's interface with a VLAN tag. The other port may come later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<LCarrier>,
    #[serde(default, skip_serializing_if = "LQos::is_empty")]
    pub qos: LQos,
}

/// How much of the network something may have, seen from the guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LQos {
    pub egress: Option<LRate>,
    pub ingress: Option<LRate>,
    /// Put on what the guest sends.
    pub dscp: Option<u8>,
    /// Of what the guest sends, where the back end can promise it.
    pub guaranteed_kbps: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LRate {
    pub kbps: u32,
    /// What may come at once; 0: the back end chooses.
    pub burst_kbits: u32,
}

impl LQos {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The interface that carries a trunk's subport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LCarrier {
    pub port: PortId,
    pub vlan: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortRole {
    /// A guest's, or one that a tenant made.
    Guest,
    /// `network:dhcp`/`network:distributed`: answers metadata on every host that has guests of the network.
    Metadata,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LRouter {
    pub id: RouterId,
    pub name: String,
    pub admin_up: bool,
    pub routes: Vec<(IpNet, IpAddr)>,
    pub gateway: Option<LGateway>,
    /// Further ways out; one without next hops carries what the routes send there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_gateways: Vec<LGateway>,
}

impl LRouter {
    pub fn gateways(&self) -> impl Iterator<Item = &LGateway> {
        self.gateway.iter().chain(&self.more_gateways)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LGateway {
    pub port: PortId,
    pub network: NetworkId,
    pub mac: String,
    /// Addresses with their prefix length.
    pub addresses: Vec<IpNet>,
    pub next_hops: Vec<IpAddr>,
    pub snat: bool,
    /// Tenant networks behind the router, for SNAT.
    pub snat_sources: Vec<IpNet>,
    /// Inner IPv6 addresses that the router answers for on the gateway's network, so that they are reached from there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub proxied: BTreeSet<Ipv6Addr>,
    /// Of all that passes the gateway, but for floating IPs with limits of their own.
    #[serde(default, skip_serializing_if = "LQos::is_empty")]
    pub qos: LQos,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LRouterInterface {
    pub port: PortId,
    pub router: RouterId,
    pub network: NetworkId,
    pub mac: String,
    pub addresses: Vec<IpNet>,
    pub mtu: u32,
    /// Router advertisements of the subnets behind this interface.
    pub ipv6: Option<Ipv6Mode>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LFloatingIp {
    pub id: FloatingIpId,
    pub router: RouterId,
    pub external: Ipv4Addr,
    pub internal: Ipv4Addr,
    /// The guest's port, for distributed NAT where the backend has it.
    pub port: PortId,
    pub mac: String,
    /// The way out on which the router answers for it.
    pub gateway: PortId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<LFloatingLimit>,
}

/// Ports of an address on a router that lead to a guest's: one each, or all to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LPortForwarding {
    pub id: PortForwardingId,
    pub router: RouterId,
    pub protocol: Protocol,
    pub external: Ipv4Addr,
    pub external_ports: PortRange,
    pub internal: Ipv4Addr,
    pub internal_ports: PortRange,
}

impl LPortForwarding {
    /// Each external port with the internal one that it leads to.
    pub fn pairs(&self) -> impl Iterator<Item = (u16, u16)> {
        let (external, internal) = (self.external_ports, self.internal_ports);
        let step = u16::from(internal.single().is_none());
        (external.0..=external.1).map(move |port| (port, internal.0 + (port - external.0) * step))
    }
}

/// Limits of a floating IP, and where they are kept: at the router's gateway on this network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LFloatingLimit {
    pub network: NetworkId,
    pub qos: LQos,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LSecurityGroup {
    pub id: SecurityGroupId,
    pub name: String,
    pub stateful: bool,
    pub rules: BTreeSet<LRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LLog>,
}

/// What a group lets pass or not, written down at the guests' hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LLog {
    /// Shown with every line; lines of one log are limited together.
    pub id: LogId,
    pub accepted: bool,
    pub refused: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LRule {
    pub direction: Direction,
    pub v6: bool,
    /// IP protocol number; `None`: any.
    pub protocol: Option<u8>,
    /// Port range, or ICMP type and code.
    pub range: Option<(u16, Option<u16>)>,
    pub remote: Remote,
}

/// Numbers of [`LRule::protocol`] that rules know more of than the number (IANA).
pub mod protocol {
    pub const ICMP: u8 = 1;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const ICMP6: u8 = 58;
    pub const SCTP: u8 = 132;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Ingress,
    Egress,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remote {
    Any,
    Prefix(IpNet),
    /// The addresses of all ports in that group.
    Group(SecurityGroupId),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    Put(Logical),
    Remove(LogicalKey),
}

#[async_trait]
pub trait NetworkBackend: Send + Sync + 'static {
    /// Its name in `binding:vif_details`, agent lists and metrics: `ovn` or `fake`.
    fn name(&self) -> &'static str;

    /// The QoS rules that it enforces; others are refused where they would be without effect.
    fn enforces(&self) -> &'static [RuleType];

    /// Makes the changes, in the order given. On an error some may have been made; the caller comes again with all.
    async fn apply(&self, changes: &[Change]) -> Result<()>;

    /// Everything the backend holds of ours, by key, with [`Logical::digest`] of the object as it was put; drift made by
    /// hand shows as a digest that is not the one of the desired object.
    async fn dump(&self) -> Result<BTreeMap<LogicalKey, u64>>;

    /// True once the port's tap carries traffic on its host with its rules in force.
    async fn port_up(&self, port: &PortId) -> Result<bool>;

    /// The hosts (chassis) the backend knows, with their liveness.
    async fn hosts(&self) -> Result<Vec<(HostName, bool)>>;

    /// What the backend holds a port to, as it tells; `None`: it cannot.
    async fn limits_of(&self, _port: &PortId) -> Result<Option<LQos>> {
        Ok(None)
    }

    /// What the backend itself says becomes of a frame, if it can tell without sending it.
    async fn trace(&self, _frame: &Frame) -> Result<Option<Trace>> {
        Ok(None)
    }
}
