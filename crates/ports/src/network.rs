//! What compute needs of the network service: ports for its guests.

use async_trait::async_trait;
use ipnet::IpNet;
use kernel::{Ctx, HostName, NetworkId, PortId, ProjectId, Result, ServerId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr, time::Duration};
use store::{Batch, Snapshot, Tx};

/// One interface that a user asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NicRequest {
    /// A new port of this network, with this address if given.
    Network { network: NetworkId, fixed_ip: Option<IpAddr> },
    /// A port that exists.
    Port { port: PortId },
}

/// The interfaces of a server, chosen before the flow begins so that doing it twice makes nothing twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortPlan {
    pub port: PortId,
    pub network: NetworkId,
    pub fixed_ip: Option<IpAddr>,
    /// Made for the server and removed with it; false for a port the user brought.
    pub ours: bool,
}

/// A port as the host and the guest need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundPort {
    pub port: PortId,
    pub network: NetworkId,
    pub network_name: String,
    pub mac: String,
    pub mtu: u32,
    /// The tap's name on the host: `tap` and the first 11 characters of the port's id.
    pub tap: String,
    pub addresses: Vec<IpAddr>,
    /// Floating IPs that lead to it, in the order of its addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floating: Vec<IpAddr>,
    /// For `network_data.json`.
    pub subnets: Vec<BoundSubnet>,
    /// The network's metadata port, if metadata is served on it.
    pub metadata: Option<BoundMetadata>,
    /// `virtio` unless the port or image says otherwise.
    pub model: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundSubnet {
    pub cidr: IpNet,
    pub address: IpAddr,
    pub gateway: Option<IpAddr>,
    pub dhcp: bool,
    pub dns: Vec<IpAddr>,
    pub routes: Vec<(IpNet, IpAddr)>,
    /// `ipv4_dhcp`, `ipv4`, `ipv6_slaac`, `ipv6_dhcpv6-stateful`, …: OpenStack's names in `network_data.json`.
    pub kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundMetadata {
    pub port: PortId,
    pub mac: String,
    pub addresses: Vec<IpNet>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    Fixed,
    Floating,
}

/// One line of a server's `addresses`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub network_name: String,
    pub port: PortId,
    pub mac: String,
    pub address: IpAddr,
    pub kind: AddressKind,
}

/// A port in `os-interface`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortView {
    pub port: PortId,
    pub network: NetworkId,
    pub mac: String,
    /// Neutron's status: `ACTIVE`, `DOWN`, …
    pub status: String,
    /// Subnet and address.
    pub fixed_ips: Vec<(String, IpAddr)>,
    pub tag: Option<String>,
}

#[async_trait]
pub trait PortBinder: Send + Sync + 'static {
    /// Checks what the caller asks for (`None`: `auto`, the project's only network, `BadRequest`/`Conflict` when there are
    /// several) and chooses port ids. Nothing is written. An empty request (`none`) gives no ports.
    fn plan(
        &self,
        cx: &Ctx,
        tx: &mut Tx,
        project: &ProjectId,
        requested: Option<&[NicRequest]>,
    ) -> Result<Vec<PortPlan>>;

    /// Makes the project's automatic network, for a request of `auto` whose plan found none; made before, it stays as it is.
    /// `BadRequest` if the cloud has nothing to make it from.
    fn allocate_network(&self, tx: &mut Tx, project: &ProjectId) -> Result<()>;

    /// Security groups by name or id, as ids; `NotFound`/`Conflict` like Nova. An empty list means the default group.
    fn resolve_groups(&self, tx: &mut Tx, project: &ProjectId, names: &[String]) -> Result<Vec<String>>;

    /// Makes or takes the ports of a plan for a server and binds them to a host: quota, address, MAC, groups, `device_id`,
    /// `binding:host_id`. Doing it again for the same host changes nothing; for another one it moves the binding.
    fn bind(&self, tx: &mut Tx, bind: &BindPorts) -> Result<Vec<BoundPort>>;

    /// A server's ports on its way to another host while it runs. Each may be said again.
    fn cross(&self, tx: &mut Tx, server: &ServerId, host: &HostName, how: Crossing) -> Result<()>;

    /// What each port of a server may carry, whatever its QoS policy says: the stricter of both is in force. Saying it again changes
    /// nothing.
    fn limit(&self, tx: &mut Tx, server: &ServerId, limits: NicLimits) -> Result<()>;
    /// Whether some port of a server is limited otherwise.
    fn limited_otherwise(&self, snapshot: &Snapshot, server: &ServerId, limits: NicLimits) -> bool;

    /// The ports of a server as they are bound now.
    fn bound(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<BoundPort>;

    /// Waits until the network back end has the ports with their rules, so that a guest may start.
    async fn wait_ready(&self, ports: &[PortId], within: Duration) -> Result<()>;

    /// Says that the guest has (or no longer has) the interface, which makes the port `ACTIVE` (`DOWN`).
    fn set_plugged(&self, tx: &mut Tx, port: &PortId, plugged: bool) -> Result<()>;

    /// Removes the ports made for the server and frees the others (one port only, if given).
    fn release(&self, tx: &mut Tx, server: &ServerId, only: Option<&PortId>) -> Result<()>;

    /// A server's ports stay its own, and are on no host: it is shelved.
    fn unbind(&self, tx: &mut Tx, server: &ServerId) -> Result<()>;

    /// Addresses of a server's ports, floating ones included, in the order of its interfaces.
    fn addresses(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<Address>;

    /// The floating IPs of all servers' ports that have some.
    fn floating(&self, snapshot: &Snapshot) -> BTreeMap<PortId, Vec<IpAddr>>;
    /// Whether floating IPs may lead elsewhere than before.
    fn floating_changed(&self, batch: &Batch) -> bool;

    fn interfaces(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<PortView>;

    /// Names of the security groups in force on the server's ports, without repetition.
    fn group_names(&self, snapshot: &Snapshot, server: &ServerId) -> Vec<String>;

    /// Adds or removes a security group (by name or id) on all ports of a server.
    fn change_group(&self, cx: &Ctx, tx: &mut Tx, server: &ServerId, group: &str, add: bool) -> Result<()>;
}

/// What a server's interface may carry, seen from the guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<NicRate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<NicRate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicRate {
    pub kbps: u32,
    /// What may come at once; 0: the back end chooses.
    pub burst_kbits: u32,
}

impl NicLimits {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What happens to a server's ports on a host besides the one that it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// They are bound there as well: packets find the guest wherever it is.
    Await,
    /// The guest is there: they are bound there and nowhere else, and the interface goes on as it was.
    Arrived,
    /// It does not come.
    GiveUp,
}

/// What [`PortBinder::bind`] is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindPorts {
    pub server: ServerId,
    pub server_name: String,
    pub project: ProjectId,
    pub host: HostName,
    pub availability_zone: String,
    pub plan: Vec<PortPlan>,
    /// Ids; for ports made for the server.
    pub groups: Vec<String>,
    /// The flavor's.
    #[serde(default)]
    pub limits: NicLimits,
    pub now: kernel::Timestamp,
}
