//! Routers: networks connected, and the way out.

use super::{QosPolicyId, Standard, standard::resource, subnet::Route};
use kernel::{NetworkId, PortId, RouterId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{Index, IndexSink, Key, Object};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Router {
    pub id: RouterId,
    pub standard: Standard,
    pub name: String,
    pub admin_up: bool,
    pub gateway: Option<Gateway>,
    /// The ports by which subnets are connected. Kept here so that connecting one conflicts with removing the router.
    pub interfaces: BTreeSet<PortId>,
    pub routes: Vec<Route>,
    pub zone_hints: Vec<String>,
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
    /// By the policy of its gateway.
    pub const BY_QOS: Index<Router> = Index::new(1);
}

impl Object for Router {
    const KIND: &'static str = "network.router";
    const INDEXES: &'static [&'static str] = &["project", "qos"];
    fn key(&self) -> Key {
        self.id.as_str().into()
    }
    fn index(&self, sink: &mut IndexSink<'_>) {
        sink.add(<Self as super::Resource>::BY_PROJECT, &*self.standard.project);
        if let Some(policy) = self.gateway.as_ref().and_then(|g| g.qos.as_ref()) {
            sink.add(Self::BY_QOS, &**policy);
        }
    }
}
