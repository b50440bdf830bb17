//! Networks: one broadcast domain each, on one segment (a VLAN, a flat physical network, a tunnel).

use super::{QosPolicyId, Resource, SegmentId, Standard, segment::Segment, standard::resource};
use kernel::{HostName, NetworkId, PortId, SubnetId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{Index, IndexSink, Key, Object};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    pub id: NetworkId,
    pub standard: Standard,
    pub name: String,
    pub admin_up: bool,
    /// Routers may have gateways here, floating addresses come from here.
    pub external: bool,
    /// The external network that automatic topologies use; at most one.
    pub is_default: bool,
    pub mtu: u32,
    /// What ports get that do not say.
    pub port_security: bool,
    pub dns_domain: String,
    pub zone_hints: Vec<String>,
    /// The first is the one that `provider:*` shows.
    pub segments: Vec<Segment>,
    /// Kept here so that making and removing subnets conflict with removing the network.
    pub subnets: Vec<SubnetId>,
    /// The port that answers guests' metadata requests, if a subnet has DHCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_port: Option<PortId>,
    /// The QoS policy of its ports that have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<QosPolicyId>,
    /// Hosts whose DHCP agent an administrator took the network from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_served_by: BTreeSet<HostName>,
    /// A deletion has begun: no port may be added any more. See [`crate::ops::network::delete`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
}

resource!(Network, "network", NetworkNotFound);

impl Network {
    pub const BY_QOS: Index<Network> = Index::new(1);
    pub const BY_SEGMENT: Index<Network> = Index::new(2);

    /// The id of one of its segments. Those that are older than ids have one that follows from the network's.
    pub fn segment_id(&self, segment: &Segment) -> SegmentId {
        if !segment.id.is_empty() {
            return segment.id.clone();
        }
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("segment/{}", self.id).as_bytes()).to_string().into()
    }
}

impl Object for Network {
    const KIND: &'static str = "network.network";
    const INDEXES: &'static [&'static str] = &["project", "qos", "segment"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(Self::BY_PROJECT, &*self.standard.project);
        if let Some(policy) = &self.qos {
            sink.add(Self::BY_QOS, &**policy);
        }
        for segment in &self.segments {
            sink.add(Self::BY_SEGMENT, &*self.segment_id(segment));
        }
    }
}
