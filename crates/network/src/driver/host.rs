//! The network of one host: taps, the metadata service, counters.

use crate::traffic::{FlowExport, PortCounters};
use async_trait::async_trait;
use ipnet::IpNet;
use kernel::{NetworkId, PortId, Result};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::SocketAddr};

/// A tap to have on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlugSpec {
    pub port: PortId,
    pub network: NetworkId,
    /// At most 15 characters.
    pub tap: String,
    pub mac: String,
    pub mtu: u32,
    /// Whether the hypervisor will open it once for each of several queues, or once.
    #[serde(default)]
    pub multi_queue: bool,
}

/// A request that reached the metadata address from a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataRequest {
    pub network: NetworkId,
    pub from: SocketAddr,
    pub method: String,
    /// Path and query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataResponse {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// Answers guests' metadata requests; implemented by the agent from the host's own intent.
#[async_trait]
pub trait MetadataHandler: Send + Sync + 'static {
    async fn answer(&self, request: MetadataRequest) -> MetadataResponse;
}

/// A network whose metadata address this host must answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataSpec {
    pub network: NetworkId,
    /// The network's metadata port (`PortRole::Metadata`).
    pub port: PortId,
    pub mac: String,
    /// The port's addresses with prefix; 169.254.169.254/32 and fe80::a9fe:a9fe/64 come on top.
    pub addresses: Vec<IpNet>,
    pub mtu: u32,
}

/// The network of one host. Lives in the agent.
#[async_trait]
pub trait HostNetwork: Send + Sync + 'static {
    /// Makes the tap, unless a device of that name is there, and connects it to the integration bridge as the port's; `Ok`
    /// if it is already so, `Conflict` if the device is another port's.
    async fn plug(&self, spec: &PlugSpec) -> Result<()>;

    /// Removes the tap and its connection; `Ok` if there is none.
    async fn unplug(&self, port: &PortId) -> Result<()>;

    /// What is plugged here, be it half: a tap without its connection, a connection without its tap.
    async fn plugged(&self) -> Result<Vec<PortId>>;

    /// Serves metadata for these networks and stops serving it for all others.
    async fn serve_metadata(
        &self,
        networks: &[MetadataSpec],
        handler: std::sync::Arc<dyn MetadataHandler>,
    ) -> Result<()>;

    /// Networks whose metadata is served now, and those of which something was left, for the audit.
    async fn metadata_networks(&self) -> Result<Vec<NetworkId>>;

    /// What is here and belongs to no guest, whichever are here, for the audit: a sentence each.
    async fn strays(&self) -> Result<Vec<String>>;

    /// What each port's device has counted until now.
    async fn counters(&self) -> Result<BTreeMap<PortId, PortReading>>;

    /// Has samples of these ports' packets sent to their collectors, and of no others.
    async fn export_flows(&self, exports: &[FlowExport]) -> Result<()>;
}

/// What a port's device shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortReading {
    /// Which device: one that is made anew, also under an old name, has another name here and counts from zero.
    pub device: String,
    pub counters: PortCounters,
}
