//! Routers: networks connected, and the way out.

use super::{ConntrackHelperId, QosPolicyId, RouterFlavorId, Standard, standard::resource, subnet::Route};
use kernel::{HostName, NetworkId, PortId, RouterId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    pub id: RouterId,
    pub standard: Standard,
    pub name: String,
    pub admin_up: bool,
    /// The one that `external_gateway_info` shows.
    pub gateway: Option<Gateway>,
    /// Further ways out; none without the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_gateways: Vec<Gateway>,
    /// Spread what leaves over the gateways' default routes; else all of it takes the first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ecmp: bool,
    /// Whether next hops shall be watched (BFD).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bfd: bool,
    /// The ports by which subnets are connected. Kept here so that connecting one conflicts with removing the router.
    pub interfaces: BTreeSet<PortId>,
    pub routes: Vec<Route>,
    pub zone_hints: Vec<String>,
    /// What `distributed` and `ha` show. Routers are on every host and their gateways fail over, whatever is said here.
    #[serde(default = "yes")]
    pub distributed: bool,
    #[serde(default = "yes")]
    pub ha: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flavor: Option<RouterFlavorId>,
    /// Answers for inner IPv6 addresses on the external network may be asked for ([`super::NdpProxy`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ndp_proxy: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conntrack_helpers: Vec<ConntrackHelper>,
    /// Hosts whose L3 agent an administrator took the router from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_hosted_by: BTreeSet<HostName>,
}

fn yes() -> bool {
    true
}

/// Somebody who shall look into a protocol that opens further connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConntrackHelper {
    pub id: ConntrackHelperId,
    pub helper: String,
    pub protocol: String,
    pub port: u16,
}

/// The way to an external network; its addresses are those of the port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    pub network: NetworkId,
    pub port: PortId,
    /// Hide inner addresses behind the gateway's.
    pub snat: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<QosPolicyId>,
}

resource!(Router, "router", RouterNotFound);

impl Router {
    /// All ways out, the first one first.
    pub fn gateways(&self) -> impl Iterator<Item = &Gateway> {
        self.gateway.iter().chain(&self.more_gateways)
    }

    pub fn set_gateways(&mut self, all: impl IntoIterator<Item = Gateway>) {
        let mut all = all.into_iter();
        self.gateway = all.next();
        self.more_gateways = all.collect();
    }

    pub fn gateway_on(&self, network: &str) -> Option<&Gateway> {
        self.gateways().find(|g| *g.network == *network)
    }

    /// By the policy of its gateway.
    pub const BY_QOS: Index<Router> = Index::new(1);
    pub const BY_FLAVOR: Index<Router> = Index::new(2);
}

impl Object for Router {
    const KIND: &'static str = "network.router";
    const INDEXES: &'static [&'static str] = &["project", "qos", "flavor"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
        for policy in self.gateways().filter_map(|g| g.qos.as_ref()) {
            sink.add(Self::BY_QOS, &**policy);
        }
        if let Some(flavor) = &self.flavor {
            sink.add(Self::BY_FLAVOR, &**flavor);
        }
    }
}
