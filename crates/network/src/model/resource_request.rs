//! What a port with guaranteed rates asks of placement, in the terms that compute passes on: groups of resources with the
//! traits of who may give them. Ids are made of the port's and its rules', so the same rules are always the same request.

use super::{
    Network, Port, QosPolicy,
    qos::{Limit, Way, from_network},
    segment::Segment,
};
use serde::Serialize;
use std::collections::BTreeMap;
use store::Snapshot;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceRequest {
    pub request_groups: Vec<RequestGroup>,
    /// The groups must be given by one host's devices.
    pub same_subtree: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestGroup {
    pub id: String,
    pub required: Vec<String>,
    pub resources: BTreeMap<&'static str, u32>,
}

/// The request of a port by its own policy, or its network's.
pub fn of(snapshot: &Snapshot, port: &Port) -> Option<ResourceRequest> {
    let policy = port.qos.clone().or_else(|| from_network(snapshot, port))?;
    let policy = snapshot.get::<QosPolicy>(&policy)?;
    let network = snapshot.get::<Network>(&port.network)?;
    asked(port, &policy, network.segments.first())
}

fn asked(port: &Port, policy: &QosPolicy, segment: Option<&Segment>) -> Option<ResourceRequest> {
    let card = trait_name("VNIC_TYPE_", &port.binding.vnic_type);
    let physical = segment.and_then(|s| s.physical.as_deref());
    let wire = physical.map_or_else(|| TUNNEL.to_owned(), |name| trait_name("PHYSNET_", name));
    let bandwidth = group(port, policy, vec![wire, card.clone()], bandwidth);
    let request_groups: Vec<_> = bandwidth.into_iter().chain(group(port, policy, vec![card], packets)).collect();
    let same_subtree: Vec<_> = request_groups.iter().map(|g| g.id.clone()).collect();
    (!same_subtree.is_empty()).then_some(ResourceRequest { request_groups, same_subtree })
}

const TUNNEL: &str = "CUSTOM_NETWORK_TUNNEL_PROVIDER";

/// A trait's name, as `os-traits` normalizes names.
fn trait_name(prefix: &str, name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    let plain: String = upper.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("CUSTOM_{prefix}{plain}")
}

fn bandwidth(limit: &Limit) -> Option<(&'static str, u32)> {
    match limit {
        Limit::MinimumBandwidth { min_kbps, direction: Way::Ingress } => {
            Some(("NET_BW_IGR_KILOBIT_PER_SEC", *min_kbps))
        }
        Limit::MinimumBandwidth { min_kbps, .. } => Some(("NET_BW_EGR_KILOBIT_PER_SEC", *min_kbps)),
        _ => None,
    }
}

fn packets(limit: &Limit) -> Option<(&'static str, u32)> {
    let Limit::MinimumPacketRate { min_kpps, direction } = limit else { return None };
    let class = match direction {
        Way::Ingress => "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
        Way::Egress => "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
        Way::Any => "NET_PACKET_RATE_KILOPACKET_PER_SEC",
    };
    Some((class, *min_kpps))
}

fn group(
    port: &Port,
    policy: &QosPolicy,
    required: Vec<String>,
    resource: fn(&Limit) -> Option<(&'static str, u32)>,
) -> Option<RequestGroup> {
    let rules: Vec<_> = policy.rules.iter().filter(|r| resource(&r.limit).is_some()).collect();
    let space = Uuid::try_parse(&port.id).unwrap_or_default();
    let name = rules.iter().map(|r| r.id.as_str()).collect::<Vec<_>>().join(":");
    let resources: BTreeMap<_, _> = rules.iter().filter_map(|r| resource(&r.limit)).collect();
    let id = Uuid::new_v5(&space, name.as_bytes()).to_string();
    (!resources.is_empty()).then_some(RequestGroup { id, required, resources })
}
