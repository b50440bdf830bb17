//! Floating IPs: addresses of an external network that lead to one inner address.

use super::{QosPolicyId, Standard, port_forwarding::Forwards, standard::resource};
use kernel::{FloatingIpId, NetworkId, PortId, RouterId};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloatingIp {
    pub id: FloatingIpId,
    pub standard: Standard,
    pub network: NetworkId,
    pub address: Ipv4Addr,
    /// The port on the external network that holds the address.
    pub external_port: PortId,
    pub target: Option<Target>,
    pub dns_name: String,
    pub dns_domain: String,
    /// Instead of a target of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwards: Option<Forwards>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<QosPolicyId>,
}

/// Where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub port: PortId,
    pub fixed: Ipv4Addr,
    pub router: RouterId,
}

resource!(FloatingIp, "floatingip", FloatingIPNotFound);

impl FloatingIp {
    pub const BY_ROUTER: Index<FloatingIp> = Index::new(1);
    pub const BY_QOS: Index<FloatingIp> = Index::new(2);

    /// The router through which it leads somewhere.
    pub fn router(&self) -> Option<&RouterId> {
        self.target.as_ref().map(|t| &t.router).or(self.forwards.as_ref().map(|f| &f.router))
    }

    pub fn status(&self) -> &'static str {
        if self.router().is_some() { "ACTIVE" } else { "DOWN" }
    }
}

impl Object for FloatingIp {
    const KIND: &'static str = "network.floatingip";
    const INDEXES: &'static [&'static str] = &["project", "router", "qos"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
        if let Some(router) = self.router() {
            sink.add(Self::BY_ROUTER, &**router);
        }
        if let Some(policy) = &self.qos {
            sink.add(Self::BY_QOS, &**policy);
        }
    }
}
